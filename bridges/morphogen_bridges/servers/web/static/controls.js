/** One control for every parameter, made from its declaration; groups that fold. */
import { byId, h, remember, remembered, say, segments } from "./dom.js";
import { Scale, shortUnit } from "./scale.js";
import { Slider, numberBox } from "./slider.js";

const TITLES = { color: "Colour", time: "Time", drift: "Drift", view: "View", audio: "Hearing" };
const FOLDED = ["lfo1", "lfo2", "lfo3", "lfo4"];

/** "lfo1" -> "LFO 1" */
export const groupTitle = (group) =>
  TITLES[group] ?? (/^lfo\d$/.test(group) ? `LFO ${group.slice(3)}` : group[0].toUpperCase() + group.slice(1));

/** "view/warp_scale" -> "View: warp scale" */
export const keyTitle = (spec) => `${groupTitle(spec.group)}: ${spec.label.toLowerCase()}`;

/** @param {import("./store.js").Store} store */
export function control(store, spec) {
  if (spec.feature) return meter(spec);
  const name = h("span.name", {}, spec.label);
  const note = h("p.note", {}, spec.unit === "picture heights" ? `${spec.doc} In picture heights.` : spec.doc);
  const row = h("div.control", { "data-key": spec.key, "data-type": spec.type });
  if (spec.type === "bool") row.append(toggle(store, spec, name), note);
  else if (spec.type === "choice") row.append(h("div.line", {}, name), choice(store, spec), note);
  else row.append(...slide(store, spec, name), note);
  return row;
}

function slide(store, spec, name) {
  const scale = new Scale(spec);
  const unit = shortUnit(spec.unit);
  const input = (value) => store.set(spec.key, value);
  const value = store.get(spec.key);
  const slider = new Slider({
    label: keyTitle(spec), scale, value, fallback: spec.default, unit: spec.unit, input,
    grab: (held) => store.hold(spec.key, held),
  });
  const box = numberBox({ label: keyTitle(spec), scale, value, input });
  store.on(spec.key, (v) => {
    slider.show(v);
    box.show(v);
  });
  return [h("div.line", {}, name, h("span.value", {}, box.element, h("span.unit", {}, unit))), slider.element];
}

function toggle(store, spec, name) {
  const button = h("button.switch", { type: "button", role: "switch", "aria-checked": "false", "aria-label": keyTitle(spec) });
  button.append(name, h("span.lamp", { "aria-hidden": "true" }));
  button.addEventListener("click", () => store.set(spec.key, !store.get(spec.key)));
  button.addEventListener("dblclick", () => store.set(spec.key, spec.default));
  store.on(spec.key, (value) => button.setAttribute("aria-checked", String(Boolean(value))));
  return button;
}

function choice(store, spec) {
  if (spec.choices.length <= 4) {
    const root = h("div.segments", { "aria-label": keyTitle(spec) });
    const mark = segments(root, spec.choices.map((c) => [c, c]), (value) => store.set(spec.key, value));
    store.on(spec.key, mark);
    return root;
  }
  const select = h("select", { "aria-label": keyTitle(spec) }, ...spec.choices.map((c) => h("option", { value: c }, c)));
  select.addEventListener("change", () => store.set(spec.key, select.value));
  store.on(spec.key, (value) => (select.value = value));
  return select;
}

function meter(spec) {
  return h("div.meter", {
    "data-key": spec.key, "data-feature": spec.name, role: "meter", "aria-label": spec.label, title: spec.doc,
    "aria-valuemin": "0", "aria-valuemax": "1", "aria-valuenow": "0",
  }, h("span.name", {}, spec.label), h("span.gauge", {}, h("span.level")), h("span.amount", {}, "0.00"));
}

/** All groups, in catalog order; audio goes to the Sound panel. */
export function buildControls(store) {
  const groups = new Map();
  for (const spec of store.specs.values()) {
    if (!groups.has(spec.group)) groups.set(spec.group, []);
    groups.get(spec.group).push(spec);
  }
  const folded = new Set(remembered("folded", FOLDED));
  for (const [group, specs] of groups) {
    const body = h("div.grid", {}, ...specs.filter((s) => !s.feature).map((spec) => control(store, spec)));
    const details = h("details.group", { "data-group": group, open: !folded.has(group) },
      h("summary", {}, h("span", {}, groupTitle(group)), h("span.count", {}, String(body.children.length))), body);
    details.addEventListener("toggle", () => {
      details.open ? folded.delete(group) : folded.add(group);
      remember("folded", [...folded]);
      labelFold();
    });
    byId(group === "audio" ? "audio-group" : "groups").append(details);
    if (group === "audio") byId("meters").append(...specs.filter((s) => s.feature).map((spec) => control(store, spec)));
  }
  watchButtons();
  labelFold();
}

const folds = () => [...byId("groups").querySelectorAll("details")];
const labelFold = () => say(byId("fold"), folds().some((d) => d.open) ? "Fold all" : "Unfold all");

function watchButtons() {
  byId("fold").addEventListener("click", () => {
    const open = !folds().some((d) => d.open);
    for (const details of folds()) details.open = open;
  });
  const show = (on) => {
    document.body.classList.toggle("no-notes", !on);
    byId("notes").setAttribute("aria-pressed", String(on));
    remember("notes", on);
  };
  byId("notes").addEventListener("click", () => show(document.body.classList.contains("no-notes")));
  show(remembered("notes", true));
}
