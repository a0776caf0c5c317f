/** The style over the show: one menu at the head of the layer's parameters, which say how it lies there. */
import { h } from "./dom.js";
import { complain } from "./toast.js";

export class Layer {
  #now = "";

  /** @param {import("./link.js").Link} link */
  constructor(link) {
    this.link = link;
    this.menu = h("select", { id: "layer", "aria-label": "Layer: style" }, h("option", { value: "" }, "No layer"));
    const row = h("div.control", {}, h("div.line", {}, h("span.name", {}, "Style")), this.menu);
    document.querySelector('[data-group="layer"] .grid')?.prepend(row);
    this.menu.addEventListener("change", () => (this.menu.blur(), this.#choose(this.menu.value)));
    this.menu.addEventListener("focus", () => this.#load());
    link.addEventListener("open", () => this.#load());
    link.addEventListener("state", (event) => this.#show(event.detail?.layer ?? this.#now));
    this.#load();
  }

  #load() {
    this.link.call("style.list").then((styles) => this.#fill(styles.map((style) => style.name)), () => {});
  }

  #fill(names) {
    const all = ["", ...new Set(this.#now ? [...names, this.#now] : names)];
    if (this.menu.dataset.options === all.join()) return;
    this.menu.replaceChildren(...all.map((value) => h("option", { value }, value || "No layer")));
    this.menu.dataset.options = all.join();
    this.menu.value = this.#now;
  }

  #show(name) {
    this.#now = name;
    if (document.activeElement !== this.menu) this.menu.value = name;
  }

  #choose(name) {
    this.link.call(name ? "layer.load" : "layer.clear", name ? { name } : {}).catch(complain);
  }
}
