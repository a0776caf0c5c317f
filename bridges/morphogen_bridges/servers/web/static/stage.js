/** Blackout, freeze, master, the length of changes: what must work at once. */
import { byId, h, say } from "./dom.js";
import { Scale, shortUnit } from "./scale.js";
import { Slider, numberBox } from "./slider.js";

/** A fader on the stage that is bound to a parameter. */
export function fader(store, root, key, title) {
  const spec = store.specs.get(key);
  const scale = new Scale(spec);
  const options = { label: title, scale, value: store.get(key), unit: spec.unit, input: (v) => store.set(key, v) };
  const slider = new Slider({ ...options, fallback: spec.default, grab: (held) => store.hold(key, held) });
  const box = numberBox(options);
  store.on(key, (value) => {
    slider.show(value);
    box.show(value);
  });
  root.replaceChildren(h("span.name", {}, title), slider.element,
    h("span.value", {}, box.element, h("span.unit", {}, shortUnit(spec.unit))));
  return slider;
}

/** @param {import("./store.js").Store} store */
export class Stage {
  constructor(store) {
    this.store = store;
    this.#button("blackout", "output/blackout");
    this.#button("freeze", "output/freeze");
    store.ready(() => {
      this.master = fader(store, byId("master"), "output/master", "Master");
      fader(store, byId("morph"), "transition/seconds", "Morph");
    });
  }

  /** Flip a switch on the stage. */
  flip(key) {
    this.store.set(key, !this.store.get(key));
  }

  #button(id, key) {
    const button = byId(id);
    button.addEventListener("click", () => this.flip(key));
    this.store.on(key, (value) => {
      button.setAttribute("aria-pressed", String(Boolean(value)));
      this.#mark();
    });
  }

  #mark() {
    const black = Boolean(this.store.get("output/blackout"));
    const frozen = Boolean(this.store.get("output/freeze"));
    byId("screen").classList.toggle("is-black", black);
    byId("screen").classList.toggle("is-frozen", frozen && !black);
    say(byId("tag"), black ? "Blackout" : frozen ? "Frozen" : "");
  }
}
