/** The live picture: JPEG frames onto a canvas, each acknowledged when drawn, so that the newest is always next. */
import { byId, remember, remembered, say } from "./dom.js";

export class Preview {
  #wanted = remembered("preview", true);
  #canvas = byId("preview");
  #screen = byId("screen");
  #context = this.#canvas.getContext("2d", { alpha: false });
  #busy = false;

  /** @param {import("./link.js").Link} link */
  constructor(link) {
    this.link = link;
    link.addEventListener("open", () => this.#ask());
    link.addEventListener("closed", () => this.#veil("No connection: trying again"));
    link.addEventListener("frame", (event) => this.#draw(event.detail));
    link.addEventListener("hello", (event) => this.#shape(event.detail.size));
    document.addEventListener("visibilitychange", () => this.#ask());
    document.addEventListener("fullscreenchange", () => this.#label());
    byId("preview-toggle").addEventListener("click", () => this.toggle());
    byId("full").addEventListener("click", () => this.full());
    this.#canvas.addEventListener("click", () => this.isFull && this.full());
    this.#label();
  }

  get isFull() {
    return document.fullscreenElement === this.#screen || this.#screen.classList.contains("fill");
  }

  /** On or off; off costs the show nothing. */
  toggle() {
    this.#wanted = !this.#wanted;
    remember("preview", this.#wanted);
    this.#ask();
    this.#label();
  }

  /** Into full screen and back. Phones that cannot do it fill the window instead. */
  async full() {
    if (document.fullscreenElement) await document.exitFullscreen();
    else if (this.#screen.classList.contains("fill")) this.#screen.classList.remove("fill");
    else {
      try {
        await this.#screen.requestFullscreen();
      } catch {
        this.#screen.classList.add("fill");
      }
    }
    this.#label();
    this.#ask();
  }

  #shape([width, height]) {
    this.#screen.style.setProperty("--show", `${width} / ${height}`);
  }

  #ask() {
    const preview = this.#wanted && !document.hidden;
    const width = this.isFull ? 1920 : Math.round(this.#canvas.clientWidth * devicePixelRatio) || 960;
    this.link.send({ preview, width });
    if (!this.#wanted) this.#veil("Preview is off");
    else if (!this.#screen.classList.contains("live")) this.#veil(this.link.open ? "Waiting for the first picture" : "Connecting");
  }

  async #draw({ index, jpeg }) {
    if (this.#busy) return; // cannot happen while the server waits for acknowledgements
    this.#busy = true;
    try {
      const picture = await createImageBitmap(jpeg);
      if (this.#canvas.width !== picture.width || this.#canvas.height !== picture.height) {
        this.#canvas.width = picture.width;
        this.#canvas.height = picture.height;
      }
      this.#context.drawImage(picture, 0, 0);
      picture.close();
      if (this.#wanted) this.#screen.classList.add("live");
    } catch {
      // a broken picture: the next one comes
    } finally {
      this.#busy = false;
      this.link.send({ ack: index });
    }
  }

  #veil(text) {
    this.#screen.classList.remove("live");
    say(byId("veil"), text);
  }

  #label() {
    byId("preview-toggle").setAttribute("aria-pressed", String(this.#wanted));
    byId("full").setAttribute("aria-pressed", String(this.isFull));
  }
}
