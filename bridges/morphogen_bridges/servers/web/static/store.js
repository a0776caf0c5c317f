/** The parameters as this page knows them: what they are, what they are now, who wants to hear of changes. */

export class Store {
  /** @type {Map<string, object>} */ specs = new Map();
  #values = new Map();
  #listeners = new Map();
  #held = new Set();
  #late = new Map();
  #ready = [];

  /** @param {import("./link.js").Link} link */
  constructor(link) {
    this.link = link;
    link.addEventListener("params", (event) => this.#reset(event.detail));
    link.addEventListener("param", (event) => {
      for (const [key, value] of Object.entries(event.detail)) this.#arrive(key, value);
    });
  }

  /** Once the first list is there. */
  ready(run) {
    if (this.specs.size) run();
    else this.#ready.push(run);
  }

  get(key) {
    return this.#values.get(key);
  }

  /** Move a parameter from this page. */
  set(key, value) {
    if (!this.link.set(key, value)) return;
    this.#values.set(key, value);
    this.#tell(key, value);
  }

  /** `listener(value)` now and at every change. */
  on(key, listener) {
    if (!this.#listeners.has(key)) this.#listeners.set(key, new Set());
    this.#listeners.get(key).add(listener);
    if (this.#values.has(key)) listener(this.#values.get(key));
  }

  /** While a finger is on a control, nobody else moves it there; what they wanted is shown on release. */
  hold(key, held) {
    if (held) {
      this.#held.add(key);
      return;
    }
    this.#held.delete(key);
    if (this.#late.has(key)) this.#arrive(key, this.#late.get(key));
    this.#late.delete(key);
  }

  #arrive(key, value) {
    if (this.#held.has(key)) {
      this.#late.set(key, value);
      return;
    }
    this.#values.set(key, value);
    this.#tell(key, value);
  }

  #reset(list) {
    const first = this.specs.size === 0;
    for (const spec of list) {
      this.specs.set(spec.key, spec);
      this.#arrive(spec.key, spec.value);
    }
    if (first) for (const run of this.#ready.splice(0)) run();
  }

  #tell(key, value) {
    for (const listener of this.#listeners.get(key) ?? []) listener(value);
  }
}
