/** The button that records the show: the time while it runs, the file when it is done. */
import { byId, say } from "./dom.js";
import { complain, toast } from "./toast.js";

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const name = (file) => file.split(/[\\/]/).pop();

export class Record {
  #running = false;
  #busy = false;

  constructor(link) {
    this.link = link;
    this.button = byId("record");
    this.button.addEventListener("click", () => this.flip());
    link.addEventListener("state", (event) => this.#show(event.detail?.record));
  }

  /** Begin, or end it. */
  flip() {
    if (this.#busy) return;
    this.#busy = true;
    const done = this.#running
      ? this.link.call("record.stop").then((said) => this.#stopped(said))
      : this.link.call("record.start").then((said) => toast(`Recording ${name(said.file)}`, said.file, "note"));
    done.catch(complain).finally(() => (this.#busy = false));
  }

  #stopped({ file, seconds, dropped, error }) {
    if (error) return; // the instrument has said why
    toast(`Recorded ${name(file)}`, `${clock(seconds)}${dropped ? `, ${dropped} pictures repeated` : ""}. ${file}`, "note");
  }

  #show(record) {
    this.#running = Boolean(record);
    this.button.setAttribute("aria-pressed", String(this.#running));
    const text = record ? `Stop recording ${name(record.file)}` : "Record the show (R)";
    this.button.title = text;
    this.button.setAttribute("aria-label", text);
    say(this.button.querySelector("span"), record ? clock(record.seconds) : "");
  }
}
