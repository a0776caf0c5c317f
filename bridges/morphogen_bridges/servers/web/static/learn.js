/** Learning: point at something on the page, move a knob or press a pad, done. And the list of what was learnt. */
import { keyTitle } from "./controls.js";
import { byId, h, say } from "./dom.js";
import { complain, toast } from "./toast.js";

const SECONDS = 25;
/** What a control can be given, besides every parameter: selector -> target. */
const ACTS = [
  [".control[data-key]", (e) => e.dataset.key],
  ["#master", () => "output/master"],
  ["#blackout", () => "output/blackout"],
  ["#freeze", () => "output/freeze"],
  ["#tap", () => "tempo.tap"],
  ["#beat", () => "tempo.beat"],
  ["#next", () => "style.next"],
  ["#previous", () => "style.previous"],
  [".pad", (e) => `snapshot.recall ${e.dataset.slot}`],
  [".card[data-style]", (e) => `style.load ${e.dataset.style}`],
];
const ANY = ACTS.map(([selector]) => selector).join();

const find = (node) => {
  const element = node.closest?.(ANY);
  return element && { element, target: ACTS.find(([selector]) => element.matches(selector))[1](element) };
};

/** "midi/nanoKONTROL2/cc/1/16" -> ["nanoKONTROL2", "CC 16"] */
const parts = (address) => {
  if (address.startsWith("osc/")) return ["OSC", address.slice(4)];
  const [, port, kind, channel, number] = address.split("/");
  const what = { cc: "CC", cc14: "CC", note: "Note", bend: "Bend", program: "Programme" }[kind] ?? kind;
  return [port, `${what} ${number ?? ""}`.trim() + (channel === "1" ? "" : ` ch ${channel}`)];
};
const full = (rule) => parts(rule.address).join(", ");

export class Learn {
  #rules = [];
  #problems = [];
  #file = "";
  #on = false;
  #chosen = null;
  #asked = 0;

  constructor(link, store) {
    this.link = link;
    this.store = store;
    this.button = byId("learn");
    this.bar = byId("learning");
    this.button.addEventListener("click", () => this.toggle());
    byId("learn-done").addEventListener("click", () => this.toggle(false));
    for (const type of ["pointerdown", "click", "dblclick"]) addEventListener(type, (e) => this.#point(e), true);
    addEventListener("keydown", (e) => this.#key(e), true);
    link.addEventListener("open", () => store.ready(() => this.#load()));
    link.addEventListener("changed", (event) => event.detail === "controls" && this.#load());
  }

  /** Learning on or off. */
  toggle(on = !this.#on) {
    this.#on = on;
    document.body.classList.toggle("learning", on);
    this.button.setAttribute("aria-pressed", String(on));
    this.bar.hidden = !on;
    if (!on) this.#choose(null);
    this.#tell();
  }

  #tell() {
    if (this.#chosen) say(byId("learn-text"), `Move a knob or press a pad for ${this.#title(this.#chosen.target)}`);
    else say(byId("learn-text"), "Choose what is to be moved: a slider, a switch, a style, a snapshot …");
  }

  /** While learning, pointing at something chooses it and does nothing else. */
  #point(event) {
    const found = this.#on && !event.target.closest(".badge") && find(event.target);
    if (!found) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.type === "click") this.#choose(found);
  }

  #key(event) {
    if (!this.#on) return;
    if (event.key === "Escape") this.toggle(false);
    else if (event.key === "Enter" && find(event.target)) this.#choose(find(event.target));
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  #choose(found) {
    const waited = this.#chosen;
    waited?.element.classList.remove("waits");
    this.#chosen = found;
    const asked = ++this.#asked;
    this.#tell();
    if (!found) {
      if (waited) this.link.call("controls.cancel").catch(complain);
      return;
    }
    found.element.classList.add("waits");
    const done = (show) => (answer) => {
      if (asked !== this.#asked) return; // something else was chosen meanwhile
      this.#chosen = null;
      found.element.classList.remove("waits");
      this.#tell();
      show(answer);
    };
    this.link.call("controls.learn", { target: found.target, seconds: SECONDS })
      .then(done((rule) => toast(`${full(rule)} → ${this.#title(rule.target)}`, "", "note")), done(complain));
  }

  #load() {
    this.link.call("controls.list").then((answer) => {
      this.#rules = answer?.rules ?? [];
      this.#problems = answer?.problems ?? [];
      this.#file = answer?.file ?? "";
      this.#show();
    }, complain);
  }

  #title(target) {
    const spec = this.store.specs.get(target);
    if (spec) return keyTitle(spec);
    const [method, ...rest] = target.split(" ");
    return [method.replace(".", " "), ...rest].join(" ");
  }

  #show() {
    for (const badge of document.querySelectorAll(".badge")) badge.remove();
    for (const rule of this.#rules) {
      const row = document.querySelector(`.control[data-key="${CSS.escape(rule.target)}"]`);
      row?.querySelector(".name")?.after(h("span.badge", { title: `${full(rule)}, ${rule.mode}` }, parts(rule.address)[1]));
    }
    const rows = this.#rules.map((rule) => this.#row(rule));
    if (!rows.length) rows.push(h("p.empty", {}, "No controller does anything yet. Press Learn, choose a slider, move a knob."));
    const wrong = this.#problems.map((p) =>
      h("p.wrong", {}, `${p.file.split(/[/\\]/).pop()}, line ${p.line}: ${p.message} ${p.cure}`));
    byId("mapped").replaceChildren(...wrong, ...rows);
    byId("mapped").title = this.#file;
    say(byId("mapped-count"), String(this.#rules.length));
  }

  #row(rule) {
    const remove = () => this.link.call("controls.remove", { address: rule.address, target: rule.target }).catch(complain);
    const [port, what] = parts(rule.address);
    return h("div.mapping", { role: "group", "aria-label": full(rule) },
      h("span.from", { title: rule.address }, h("b", {}, what), ` ${port}`),
      h("span.to", {}, this.#title(rule.target)), h("span.mode", {}, rule.mode),
      rule.own ? h("button.remove", { type: "button", "aria-label": `Forget ${full(rule)}`, on: { click: remove } }, "×") : h("span"));
  }
}
