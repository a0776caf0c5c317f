/** The modulation matrix: what moves what, how far, along which curve. */
import { byId, h } from "./dom.js";
import { Scale } from "./scale.js";
import { Slider, numberBox } from "./slider.js";
import { groupTitle } from "./controls.js";
import { complain } from "./toast.js";

const AMOUNT = new Scale({ min: -1, max: 1 });
/** Sources and curves may come as names or as maps with a name. */
const nameOf = (item) => (typeof item === "string" ? item : item.name ?? item.key ?? String(item));

const same = (a, b) => JSON.stringify(a.map(plain)) === JSON.stringify(b.map(plain));
const plain = ({ source, target, amount, curve }) => [source, target, amount, curve];

export class Matrix {
  #routes = [];
  #sources = [];
  #curves = [];
  #allowed = null;
  #timer = 0;
  #sending = 0;

  constructor(link, store) {
    this.link = link;
    this.store = store;
    byId("add-route").addEventListener("click", () => this.#add());
    link.addEventListener("open", () => store.ready(() => this.#load()));
    link.addEventListener("changed", (event) => event.detail === "modulation" && this.#load());
  }

  #load() {
    this.link.call("mod.list").then((answer) => {
      if (this.#timer || this.#sending) return; // our own change is on its way
      if (this.#curves.length && same(answer.routes ?? [], this.#routes)) return; // a hand on a slider keeps it
      this.#sources = (answer.sources ?? []).map(nameOf);
      this.#allowed = answer.targets ? new Set(answer.targets) : null;
      this.#curves = (answer.curves ?? []).map(nameOf);
      this.#routes = (answer.routes ?? []).map((route) => ({ ...route }));
      this.#show();
    }, complain);
  }

  #add() {
    const source = this.#sources[0] ?? "bass";
    this.#routes.push({ source, target: "view/zoom", amount: 0.25, curve: this.#curves[0] ?? "linear" });
    this.#show();
    this.#send();
    byId("routes").lastElementChild?.scrollIntoView({ block: "nearest" });
  }

  #send() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#sending++;
      this.link.call("mod.set", { routes: this.#routes }).finally(() => this.#sending--).catch((error) => {
        complain(error);
        this.#load();
      });
    }, 60);
  }

  #show() {
    const rows = this.#routes.map((route, i) => this.#row(route, i));
    if (!rows.length) rows.push(h("p.empty", {}, "Nothing is modulated. A route lets bass, an LFO or the tempo move a parameter."));
    byId("routes").replaceChildren(...rows);
    this.#mark();
  }

  #row(route, i) {
    const change = (field, value) => {
      route[field] = value;
      this.#send();
      this.#mark();
    };
    const label = `Route ${i + 1}`;
    const amount = { label: `${label}: amount`, scale: AMOUNT, value: Number(route.amount) || 0, fallback: 0 };
    const slider = new Slider({ ...amount, input: (v) => (box.show(v), change("amount", v)) });
    const box = numberBox({ ...amount, input: (v) => (slider.show(v), change("amount", v)) });
    const remove = () => {
      this.#routes.splice(this.#routes.indexOf(route), 1);
      this.#show();
      this.#send();
    };
    const patch = h("div.patch", {},
      this.#pick(`${label}: source`, this.#sources.map((s) => h("option", { value: s }, s.replace("audio/", "").replace("/", " "))), route.source, (v) => change("source", v)),
      h("span.arrow", { "aria-hidden": "true" }, "→"),
      this.#pick(`${label}: target`, this.#targets(), route.target, (v) => change("target", v)),
      h("button.remove", { type: "button", "aria-label": `Remove ${label.toLowerCase()}`, on: { click: remove } }, "×"));
    const bend = h("div.bend", {}, slider.element, box.element,
      this.#pick(`${label}: curve`, this.#curves.map((c) => h("option", { value: c }, c)), route.curve, (v) => change("curve", v)));
    return h("div.route", { role: "group", "aria-label": label }, patch, bend);
  }

  #pick(label, options, value, choose) {
    const select = h("select", { "aria-label": label }, ...options);
    select.value = value;
    if (select.value !== value) {
      select.append(h("option", { value }, String(value)));
      select.value = value;
    }
    select.addEventListener("change", () => choose(select.value));
    return select;
  }

  #targets() {
    const groups = new Map();
    for (const spec of this.store.specs.values()) {
      if (this.#allowed ? !this.#allowed.has(spec.key) : spec.feature) continue;
      if (!groups.has(spec.group)) groups.set(spec.group, h("optgroup", { label: groupTitle(spec.group) }));
      groups.get(spec.group).append(h("option", { value: spec.key }, `${groupTitle(spec.group)}: ${spec.label.toLowerCase()}`));
    }
    return groups.values();
  }

  #mark() {
    const moved = new Set(this.#routes.map((route) => route.target));
    for (const row of document.querySelectorAll(".control")) row.classList.toggle("moved", moved.has(row.dataset.key));
  }
}
