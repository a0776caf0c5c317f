/** The styles: pictures to touch, the running one marked, filters by series and words. */
import { byId, h, remember, remembered, say, segments } from "./dom.js";
import { complain, toast } from "./toast.js";

const REFRESH = 15000;

export class Gallery {
  #styles = [];
  #cards = new Map();
  #current = "";
  #coming = "";
  #series = remembered("series", "");
  #on = "now";
  #sender = this.#sending();
  #asking = 0;

  /** @param {import("./link.js").Link} link */
  constructor(link) {
    this.link = link;
    const mark = segments(byId("quantise"), [["now", "Now"], ["beat", "Beat"], ["bar", "Bar"]], (on) => (this.#on = on));
    mark("now");
    byId("previous").addEventListener("click", () => this.step("previous"));
    byId("next").addEventListener("click", () => this.step("next"));
    byId("filter").addEventListener("input", () => this.#sift());
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
    this.link.call(`style.${which}`, { on: this.#on }).catch(complain);
  }

  #play(name) {
    this.#coming = name;
    this.#mark();
    this.link.call("style.load", { name, on: this.#on }).then(
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
    byId("gallery").replaceChildren(...this.#cards.values());
    byId("gallery").append(this.#sender);
    if (!styles.length) byId("gallery").prepend(h("p.empty", {}, "No styles yet. Train one: morphogen train \"a sentence\" -o FILE."));
    this.#choose(this.#series);
    this.#mark();
  }

  #card(style) {
    const picture = h("span.thumb");
    if (style.thumb) picture.append(h("img", { src: style.thumb, alt: "", loading: "lazy", decoding: "async", draggable: "false" }));
    else tint(picture, style.name);
    const title = style.title || style.name.split("/").pop();
    return h("button.card", {
      type: "button", role: "listitem", "data-style": style.name, title: style.prompt || title, "aria-label": `${title}, ${style.series}`,
      on: { click: () => this.#play(style.name) },
    }, picture, h("span.title", {}, title), h("span.from", {}, style.series));
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
      this.#cards.get(style.name).hidden = !fits;
    }
  }

  #mark() {
    for (const [name, card] of this.#cards) {
      card.setAttribute("aria-current", String(name === this.#current));
      card.classList.toggle("coming", name === this.#coming && name !== this.#current);
    }
  }

  #sending() {
    const input = byId("style-file");
    const send = async (file) => {
      const answer = await fetch("/api/v1/styles", { method: "POST", body: file });
      const said = await answer.json();
      if (answer.ok) toast(`${file.name} is playing.`, "", "note");
      else complain(said.error);
    };
    input.addEventListener("change", () => {
      if (input.files.length) send(input.files[0]).catch(() => toast("The file was not sent.", "Is the show still running?"));
      input.value = "";
    });
    return h("button.card.send", { type: "button", on: { click: () => input.click() } },
      h("span.thumb", { "aria-hidden": "true" }, "+"), h("span.title", {}, "Send a style"), h("span.from", {}, "packed file"));
  }
}

function tint(element, name) {
  let hash = 7;
  for (const letter of name) hash = (hash * 31 + letter.codePointAt(0)) >>> 0;
  element.classList.add("plain");
  element.style.setProperty("--hue", String(hash % 360));
}
