/** What the picture hears: meters, tempo, and where the sound comes from. */
import { byId, h, say } from "./dom.js";
import { complain, toast } from "./toast.js";

const FIXED = [["demo", "Demo beat"], ["loopback", "What this machine plays"], ["osc", "From OSC"], ["none", "Nothing"], ["file:", "A file…"]];
const LEADERS = [["auto", "Whoever leads"], ["manual", "Only you"], ["link", "Ableton Link"], ["midi", "MIDI clock"],
  ["track", "The track"], ["audio", "What it hears"]];
const NAMES = { tap: "taps", set: "set by hand", beat: "set by hand", none: "nobody leads", link: "Ableton Link", midi: "MIDI clock",
  track: "the track", audio: "what it hears" };

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
    link.addEventListener("state", (event) => this.#led(event.detail));
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
    byId("bpm").title = `From: ${NAMES[tempo.source] ?? tempo.source}`;
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
    this.leader = h("select", { id: "tempo-source", "aria-label": "Who leads the tempo" }, ...LEADERS.map(([value, label]) => h("option", { value }, label)));
    this.leader.addEventListener("change", () => this.link.call("tempo.source", { name: this.leader.value }).catch(complain));
    this.room = h("button", { type: "button", id: "ableton-link", "aria-pressed": "false" }, "Link");
    this.room.addEventListener("click", () => this.#join(this.room.getAttribute("aria-pressed") !== "true"));
    byId("source").append(h("label", { for: "tempo-source" }, "Tempo"), this.leader, this.room);
  }

  #join(on) {
    this.link.call("tempo.link", { on }).catch(complain);
  }

  /** The key that is heard, who leads the tempo, and who else is in the Link session (`link_peers` null: not joined). */
  #led({ tempo_choice: choice, tempo_source: source, link_peers: peers, key }) {
    byId("key").hidden = !key;
    say(byId("key").querySelector("dd"), key ?? "");
    const joined = peers != null;
    if (choice && document.activeElement !== this.leader) this.leader.value = choice;
    this.leader.title = `Now: ${NAMES[source] ?? source}`;
    this.room.setAttribute("aria-pressed", String(joined));
    say(this.room, joined ? `Link ${peers}` : "Link");
    this.room.title = joined ? `Ableton Link: ${peers} other${peers === 1 ? "" : "s"} in the session. Press to leave it.`
      : "Join the Ableton Link session of this network (speaks to every network this machine is in)";
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
    say(byId("heard"), `Hears: ${name}${audio.key ? `, in ${audio.key}` : ""}`);
    if (document.activeElement !== this.select && [...this.select.options].some((o) => o.value === name)) this.select.value = name;
  }
}
