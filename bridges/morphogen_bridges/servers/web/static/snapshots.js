/** Eight pads that keep the whole state and glide back to it. */
import { byId, h, remember, remembered, say } from "./dom.js";
import { Scale } from "./scale.js";
import { Slider, numberBox } from "./slider.js";
import { complain, toast } from "./toast.js";

const PADS = 8;
const GLIDE = new Scale({ min: 0, max: 20 });

export class Snapshots {
  #kept = {};
  #storing = false;
  #seconds = remembered("glide", 2);
  #last = 0;

  constructor(link) {
    this.link = link;
    this.pads = Array.from({ length: PADS }, (_, i) => this.#pad(i + 1));
    byId("pads").replaceChildren(...this.pads);
    byId("store").addEventListener("click", () => this.arm(!this.#storing));
    this.#glide();
    link.addEventListener("open", () => this.#load());
    link.addEventListener("changed", (event) => event.detail === "snapshots" && this.#load());
  }

  /** The next pad stores instead of recalling. */
  arm(on) {
    this.#storing = on;
    byId("store").setAttribute("aria-pressed", String(on));
    byId("pads").classList.toggle("storing", on);
  }

  /** Recall (or store, when armed) a pad. */
  press(slot, store = this.#storing) {
    if (store) {
      this.arm(false);
      this.link.call("snapshot.store", { slot }).then(() => (toast(`Stored in ${slot}.`, "", "note"), this.#load(slot)), complain);
    } else if (this.#kept[slot]) {
      this.link.call("snapshot.recall", { slot, seconds: this.#seconds }).then(() => this.#show(slot), complain);
    } else {
      toast(`Snapshot ${slot} is empty.`, `Press Store, then ${slot}.`, "note");
    }
  }

  #load(last = this.#last) {
    this.link.call("snapshot.list").then((answer) => {
      this.#kept = answer?.slots ?? {};
      this.#show(last);
    }, complain);
  }

  #show(last) {
    this.#last = last;
    this.pads.forEach((pad, i) => {
      const kept = this.#kept[i + 1];
      pad.classList.toggle("kept", Boolean(kept));
      pad.classList.toggle("last", i + 1 === last);
      const style = typeof kept?.style === "string" ? kept.style : kept?.style?.name;
      say(pad.querySelector(".what"), kept ? (style ?? "kept").split("/").pop().replaceAll("_", " ") : "empty");
    });
  }

  #pad(slot) {
    return h("button.pad", { type: "button", "data-slot": String(slot), on: { click: () => this.press(slot) } },
      h("b", {}, String(slot)), h("span.what", {}, "empty"));
  }

  #glide() {
    const keep = (value) => {
      this.#seconds = value;
      slider.show(value);
      box.show(value);
      remember("glide", value);
    };
    const options = { label: "Glide", scale: GLIDE, value: this.#seconds, fallback: 2, unit: "s", input: keep };
    const slider = new Slider(options);
    const box = numberBox(options);
    byId("glide").append(h("span.name", {}, "Glide"), slider.element, h("span.value", {}, box.element, h("span.unit", {}, "s")));
  }
}
