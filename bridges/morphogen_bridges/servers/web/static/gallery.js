/** The styles: pictures to touch, the running one marked, filters by series and words. */
import { byId, h, remember, remembered, say, segments } from "./dom.js";
import { send, share, watchDrops } from "./share.js";
import { complain } from "./toast.js";

const REFRESH = 15000;

export class Gallery {
  #styles = [];
  #cards = new Map();
  #current = "";
  #coming = "";
  #series = remembered("series", "");
  #opener = this.#opening();
  #asking = 0;

  /**
   * @param {import("./link.js").Link} link
   * @param {import("./store.js").Store} store
   */
  constructor(link, store) {
    this.link = link;
    const quantise = (when) => store.set("transition/quantise", when);
    const mark = segments(byId("quantise"), [["off", "Now"], ["beat", "Beat"], ["bar", "Bar"]], quantise);
    mark("off");
    store.on("transition/quantise", mark);
    byId("previous").addEventListener("click", () => this.step("previous"));
    byId("next").addEventListener("click", () => this.step("next"));
    byId("filter").addEventListener("input", () => this.#sift());
    byId("share").addEventListener("click", () => share());
    watchDrops(send);
    link.addEventListener("open", () => this.load());
    link.addEventListener("style", (event) => this.#changed(event.detail));
    setInterval(() => document.hidden || this.load(), REFRESH);
  }

  /** Fetch the list; new and changed files appear by themselves. */
  async load() {
    if (!this.link.open) return;
    try {
      const answer = await fetch("/api/v1/styles");
      if (!answer.ok) return;
      const styles = await answer.json();
      if (JSON.stringify(styles) !== JSON.stringify(this.#styles)) this.#show(styles);
    } catch {
      // the connection says so itself
    }
  }

  /** The next or previous style of the bank. */
  step(which) {
    this.link.call(`style.${which}`).catch(complain);
  }

  #play(name) {
    this.#coming = name;
    this.#mark();
    this.link.call("style.load", { name }).then(
      () => this.#settle(name),
      (error) => {
        this.#settle(name);
        complain(error);
      });
  }

  #settle(name) {
    if (this.#coming === name) this.#coming = "";
    this.#mark();
  }

  #changed(style) {
    if (!style?.name || style.title === undefined) {
      clearTimeout(this.#asking);
      this.#asking = setTimeout(() => this.link.call("style.current").then((s) => s?.title !== undefined && this.#changed(s), () => {}), 30);
      if (!style?.name) return;
    }
    this.#current = style.name;
    const known = this.#styles.find((s) => s.name === style.name) ?? {};
    say(byId("now-title"), style.title || known.title || style.name);
    say(byId("now-prompt"), style.prompt || known.prompt || style.name.split("/")[0]);
    document.title = `${style.title || style.name} · Morphogen`;
    this.#mark();
  }

  #show(styles) {
    this.#styles = styles;
    this.#cards = new Map(styles.map((style) => [style.name, this.#card(style)]));
    const series = [...new Set(styles.map((style) => style.series))];
    if (!series.includes(this.#series)) this.#series = "";
    const chips = ["", ...series].map((name) => {
      const count = name ? styles.filter((s) => s.series === name).length : styles.length;
      return h("button.chip", { type: "button", "data-series": name, "aria-pressed": "false", on: { click: () => this.#choose(name) } },
        name || "All", h("small", {}, String(count)));
    });
    byId("series").replaceChildren(...chips);
    byId("gallery").replaceChildren(...[...this.#cards.values()].map((card) => card.parentElement), this.#opener);
    if (!styles.length) byId("gallery").prepend(h("p.empty", {}, "No styles yet. Train one: morphogen train \"a sentence\" -o FILE."));
    this.#choose(this.#series);
    this.#mark();
  }

  #card(style) {
    const picture = h("span.thumb");
    if (style.thumb) picture.append(h("img", { src: style.thumb, alt: "", loading: "lazy", decoding: "async", draggable: "false" }));
    else tint(picture, style.name);
    const title = style.title || style.name.split("/").pop();
    const card = h("button.card", {
      type: "button", "data-style": style.name, title: style.prompt || title, "aria-label": `${title}, ${style.series}`,
      on: { click: () => this.#play(style.name) },
    }, picture, h("span.title", {}, title), h("span.from", {}, style.series));
    const label = `Share ${title}: a picture that carries it`;
    const sharer = h("button.share", { type: "button", "aria-label": label, title: label, on: { click: () => share(style.name) } });
    sharer.append(byId("share").firstElementChild.cloneNode(true));
    h("div.tile", { role: "listitem" }, card, sharer);
    return card;
  }

  #choose(series) {
    this.#series = series;
    remember("series", series);
    for (const chip of byId("series").children) chip.setAttribute("aria-pressed", String(chip.dataset.series === series));
    this.#sift();
  }

  #sift() {
    const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const style of this.#styles) {
      const text = `${style.name} ${style.title} ${style.prompt}`.toLowerCase();
      const fits = (!this.#series || style.series === this.#series) && words.every((word) => text.includes(word));
      this.#cards.get(style.name).parentElement.hidden = !fits;
    }
  }

  #mark() {
    for (const [name, card] of this.#cards) {
      card.setAttribute("aria-current", String(name === this.#current));
      card.classList.toggle("coming", name === this.#coming && name !== this.#current);
    }
  }

  #opening() {
    const input = byId("style-file"); // takes any file: phones do not know the ending .safetensors
    input.addEventListener("change", () => {
      if (input.files.length) send(input.files[0]);
      input.value = "";
    });
    return h("div.tile", { role: "listitem" }, h("button.card.open", { type: "button", on: { click: () => input.click() } },
      h("span.thumb", { "aria-hidden": "true" }, "+"), h("span.title", {}, "Open a style"), h("span.from", {}, "picture or file")));
  }
}

function tint(element, name) {
  let hash = 7;
  for (const letter of name) hash = (hash * 31 + letter.codePointAt(0)) >>> 0;
  element.classList.add("plain");
  element.style.setProperty("--hue", String(hash % 360));
}
