/** What the picture hears: meters, tempo, and where the sound comes from. */
import { byId, h, say } from "./dom.js";
import { complain, toast } from "./toast.js";

const FIXED = [["demo", "Demo beat"], ["osc", "From OSC"], ["none", "Nothing"], ["file:", "A file…"]];

export class Sound {
  #gauges = [];
  #tempo = { bpm: 120, phase: 0, beats: 4, at: 0 };
  #spoken = 0;

  constructor(link, store) {
    this.link = link;
    this.store = store;
    link.addEventListener("meters", (event) => this.#levels(event.detail));
    link.addEventListener("tempo", (event) => this.#music(event.detail));
    link.addEventListener("open", () => this.#devices());
    link.addEventListener("changed", (event) => event.detail === "sound" && this.#devices());
    link.addEventListener("stats", (event) => this.#heard(event.detail));
    byId("tap").addEventListener("click", () => this.tap());
    byId("beat").addEventListener("click", () => this.beat());
    store.ready(() => this.#collect());
    this.#build();
    requestAnimationFrame(() => this.#blink());
  }

  /** One tap of the tempo. */
  tap() {
    this.link.call("tempo.tap").catch(complain);
  }

  /** This is the beat. */
  beat() {
    this.link.call("tempo.beat").catch(complain);
  }

  #collect() {
    this.#gauges = [...document.querySelectorAll(".meter")].map((meter) => ({
      meter, level: meter.querySelector(".level"), amount: meter.querySelector(".amount"), name: meter.dataset.feature,
    }));
  }

  #levels(levels) {
    const speak = performance.now() - this.#spoken > 500;
    if (speak) this.#spoken = performance.now();
    for (const { meter, level, amount, name } of this.#gauges) {
      const value = levels[name] ?? 0;
      level.style.setProperty("--level", value);
      say(amount, value.toFixed(2));
      if (speak) meter.setAttribute("aria-valuenow", value.toFixed(2));
    }
  }

  #music(tempo) {
    this.#tempo = { ...tempo, at: performance.now() };
    say(byId("bpm"), tempo.bpm.toFixed(1));
    byId("bpm").title = `From: ${tempo.source}`;
  }

  #blink() {
    const { bpm, phase, at } = this.#tempo;
    const now = at ? (phase + ((performance.now() - at) / 60000) * bpm) % 1 : 1;
    byId("beat-light").style.setProperty("--beat", at ? Math.exp(-now * 4).toFixed(3) : "0");
    requestAnimationFrame(() => this.#blink());
  }

  #build() {
    this.select = h("select", { id: "audio-source", "aria-label": "Sound source" });
    this.path = h("input", { type: "text", placeholder: "Path of a recording", "aria-label": "Path of a recording", spellcheck: "false", autocomplete: "off", hidden: true });
    this.select.addEventListener("change", () => this.#choose(this.select.value));
    this.path.addEventListener("keydown", (event) => event.key === "Enter" && this.#listen(`file:${this.path.value.trim()}`));
    const again = h("button", { type: "button", on: { click: () => this.#devices() } }, "Rescan");
    byId("source").append(h("label", { for: "audio-source" }, "Source"), this.select, again, this.path);
    this.#options([]);
  }

  #options(devices) {
    const chosen = this.select.value;
    const option = ([value, label]) => h("option", { value }, label);
    const inputs = devices.map((d) => [`device:${d.name}`, `${d.name}${d.default ? " (default)" : ""}`]);
    this.select.replaceChildren(h("option", { value: "" }, "Choose a source"),
      h("optgroup", { label: "Inputs" }, ...inputs.map(option)), h("optgroup", { label: "Other" }, ...FIXED.map(option)));
    this.select.value = [...this.select.options].some((o) => o.value === chosen) ? chosen : "";
  }

  #devices() {
    this.link.call("audio.devices").then((devices) => this.#options(devices ?? []), (error) => say(byId("heard"), error.message));
  }

  #choose(source) {
    this.path.hidden = source !== "file:";
    if (source === "file:") this.path.focus();
    else if (source) this.#listen(source);
  }

  #listen(source) {
    this.link.call("audio.select", { source }).then((answer) => toast(`Listening: ${answer?.audio ?? source}`, "", "note"), complain);
  }

  #heard(stats) {
    const audio = stats?.audio;
    const name = typeof audio === "string" ? audio : audio?.source ?? audio?.name;
    if (!name) return;
    say(byId("heard"), `Hears: ${name}`);
    if (document.activeElement !== this.select && [...this.select.options].some((o) => o.value === name)) this.select.value = name;
  }
}
