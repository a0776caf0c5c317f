/**
 * A slider for a stage. Unlike the browser's own it never jumps when a thumb brushes it while scrolling: touch moves it
 * by how far the finger travels sideways; a mouse click goes straight there. Holding, double-tapping and
 * double-clicking return to the default.
 */
import { h } from "./dom.js";

const SLOP = 7;
const HOLD = 600;
const DOUBLE = 320;
const FINE = 0.15;

export class Slider {
  #value;
  #drag = null;
  #lastTap = 0;
  #hold = 0;

  /**
   * @param {{label: string, scale: import("./scale.js").Scale, value: number, fallback: number, unit?: string,
   *   input: (value: number) => void, grab?: (held: boolean) => void}} options `fallback` is the default value
   */
  constructor(options) {
    this.options = options;
    this.scale = options.scale;
    this.element = h("div.slider", {
      role: "slider", tabindex: "0", "aria-label": options.label,
      "aria-valuemin": String(this.scale.min), "aria-valuemax": String(this.scale.max),
      on: {
        pointerdown: (e) => this.#down(e), pointermove: (e) => this.#move(e), pointerup: (e) => this.#up(e),
        pointercancel: () => this.#end(), lostpointercapture: () => this.#end(), keydown: (e) => this.#key(e),
        dblclick: () => this.reset(), contextmenu: (e) => this.#drag && e.preventDefault(),
      },
    }, h("span.rail"), h("span.mark"), h("span.fill"), h("span.knob"));
    this.element.classList.toggle("centred", this.scale.origin > 0);
    this.element.style.setProperty("--mark", this.scale.toUnit(options.fallback).toFixed(4));
    this.show(options.value);
  }

  /** Show a value that came from elsewhere. */
  show(value) {
    if (value === this.#value) return;
    this.#value = value;
    const unit = this.scale.toUnit(value);
    const style = this.element.style;
    style.setProperty("--at", unit.toFixed(4));
    style.setProperty("--from", Math.min(unit, this.scale.origin).toFixed(4));
    style.setProperty("--to", Math.max(unit, this.scale.origin).toFixed(4));
    this.element.setAttribute("aria-valuenow", String(+value.toFixed(4)));
    this.element.setAttribute("aria-valuetext", `${this.scale.write(value)} ${this.options.unit ?? ""}`.trim());
  }

  /** Back to the default. */
  reset() {
    this.#put(this.options.fallback);
  }

  #put(value) {
    this.show(value);
    this.options.input(value);
  }

  #down(event) {
    if (event.button !== 0) return;
    const touch = event.pointerType === "touch";
    this.#drag = {
      x: event.clientX, y: event.clientY, unit: this.scale.toUnit(this.#value),
      moved: !touch, touch, width: this.element.clientWidth || 1, fine: event.shiftKey,
    };
    this.element.setPointerCapture(event.pointerId);
    this.options.grab?.(true);
    if (touch) {
      this.#hold = setTimeout(() => {
        this.#end();
        this.reset();
        navigator.vibrate?.(20);
      }, HOLD);
    } else if (!event.shiftKey) {
      this.#drag.unit = (event.clientX - this.element.getBoundingClientRect().left) / this.#drag.width;
      this.#put(this.scale.fromUnit(this.#drag.unit));
    }
  }

  #move(event) {
    const drag = this.#drag;
    if (!drag) return;
    if (!drag.moved) {
      if (Math.abs(event.clientX - drag.x) < SLOP) return;
      drag.moved = true;
      drag.x = event.clientX;
      clearTimeout(this.#hold);
    }
    if (event.shiftKey !== drag.fine) {
      Object.assign(drag, { fine: event.shiftKey, x: event.clientX, unit: this.scale.toUnit(this.#value) });
    }
    const travel = ((event.clientX - drag.x) / drag.width) * (drag.fine ? FINE : 1);
    this.#put(this.scale.fromUnit(drag.unit + travel));
  }

  #up(event) {
    const drag = this.#drag;
    this.#end();
    if (!drag?.touch || drag.moved) return;
    const twice = event.timeStamp - this.#lastTap < DOUBLE;
    this.#lastTap = twice ? 0 : event.timeStamp;
    if (twice) this.reset();
  }

  #end() {
    clearTimeout(this.#hold);
    if (!this.#drag) return;
    this.#drag = null;
    this.options.grab?.(false);
  }

  #key(event) {
    const small = event.shiftKey ? 0.001 : 0.01;
    const steps = {
      ArrowRight: small, ArrowUp: small, ArrowLeft: -small, ArrowDown: -small, PageUp: 0.1, PageDown: -0.1,
    };
    if (event.key in steps) this.#put(this.scale.nudge(this.#value, steps[event.key]));
    else if (event.key === "Home") this.#put(this.scale.min);
    else if (event.key === "End") this.#put(this.scale.max);
    else if (event.key === "Delete" || event.key === "Backspace") this.reset();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/**
 * The number beside a slider.
 * @param {{label: string, scale: import("./scale.js").Scale, value: number, input: (value: number) => void}} options
 */
export function numberBox({ label, scale, value, input }) {
  let current = value;
  const box = h("input.number", {
    type: "text", "aria-label": `${label}, number`, autocomplete: "off", spellcheck: "false", enterkeyhint: "done",
    inputmode: scale.min < 0 ? "text" : "decimal", // phones' decimal keys have no minus
  });
  const show = (v) => {
    current = v;
    if (document.activeElement !== box) box.value = scale.write(v);
  };
  const commit = () => {
    const read = scale.read(box.value);
    if (read !== null && scale.write(read) !== scale.write(current)) {
      current = read;
      input(read);
    }
    box.value = scale.write(current);
  };
  box.addEventListener("focus", () => box.select());
  box.addEventListener("blur", commit);
  box.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 0.01, ArrowDown: -0.01 }[event.key];
    if (event.key === "Enter") box.blur();
    else if (event.key === "Escape") {
      box.value = scale.write(current);
      box.blur();
    } else if (step) {
      event.preventDefault();
      current = scale.nudge(current, step);
      box.value = scale.write(current);
      input(current);
    }
  });
  show(value);
  return { element: box, show };
}
