/** Size and backend of the show: told beside the frame rate, changed there while it runs. */
import { byId, h, say } from "./dom.js";
import { complain } from "./toast.js";

const SIZES = ["1280x720", "1920x1080", "2560x1440", "3840x2160", "1080x1920", "1080x1080"];

const times = (size) => String(size).replace("x", " × ");

export class Show {
  #backends = [];

  constructor(link) {
    this.link = link;
    this.size = byId("show-size");
    this.backend = byId("show-backend");
    this.size.addEventListener("change", () => (this.size.blur(), this.#set({ size: this.size.value })));
    this.backend.addEventListener("change", () => (this.backend.blur(), this.#set({ backend: this.backend.value })));
    link.addEventListener("open", () => this.#load());
    link.addEventListener("state", (event) => this.#show(event.detail ?? {}));
  }

  #load() {
    this.link.call("show.get").then((answer) => {
      this.#backends = answer.backends ?? [];
      this.#show(answer);
    }, complain);
  }

  #set(what) {
    this.link.call("show.set", what).then((answer) => this.#show(answer), (error) => (complain(error), this.#load()));
  }

  #show({ size, backend, inner }) {
    if (size) choose(this.size, SIZES, size, times);
    if (backend) choose(this.backend, this.#backends, backend, String);
    if (inner) {
      const coarsest = Math.max(1, ...Object.values(inner));
      byId("inner").hidden = coarsest === 1;
      say(byId("inner").querySelector("dd"), { 2: "½", 3: "⅓" }[coarsest] ?? `1/${coarsest}`);
    }
  }
}

/** The options of a menu, and which one holds; an open menu is left alone. */
function choose(menu, options, chosen, words) {
  const all = options.includes(chosen) ? options : [...options, chosen];
  if (menu.dataset.options !== all.join()) {
    menu.replaceChildren(...all.map((value) => h("option", { value }, words(value))));
    menu.dataset.options = all.join();
  }
  if (menu.value !== chosen && document.activeElement !== menu) menu.value = chosen;
}
