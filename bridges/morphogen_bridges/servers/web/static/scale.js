/** How a parameter's value maps to a slider's 0..1, and how it is written. No DOM here. */

const UNITS = { factor: "×", degrees: "°", "picture heights": "h", turns: "turn", "1/height": "/h", segments: "seg" };

/** Short form of a unit; the long one is in the notes. */
export const shortUnit = (unit) => UNITS[unit] ?? unit;

/** @param {{min: number, max: number, default?: number, unit?: string, type?: string, scale?: string, clip?: string}} spec */
export class Scale {
  constructor(spec) {
    this.min = spec.min;
    this.max = spec.max;
    this.whole = spec.type === "int" || spec.type === "choice";
    this.log = spec.scale === "log";
    this.wrap = spec.clip === "wrap";
    const span = this.max - this.min;
    this.digits = this.whole || span >= 200 ? 0 : span >= 40 ? 1 : 2;
    // a signed range grows out of zero, a factor out of its neutral value, others out of their lower end
    this.origin = this.min < 0 && this.max > 0 ? this.toUnit(0) : spec.unit === "factor" ? this.toUnit(spec.default) : 0;
  }

  /** value -> 0..1 */
  toUnit(value) {
    const v = Math.min(Math.max(value, this.min), this.max);
    if (this.log) return Math.log(v / this.min) / Math.log(this.max / this.min);
    return (v - this.min) / (this.max - this.min);
  }

  /** 0..1 -> value */
  fromUnit(unit) {
    const u = Math.min(Math.max(unit, 0), 1);
    const value = this.log ? this.min * (this.max / this.min) ** u : this.min + (this.max - this.min) * u;
    return this.tidy(value);
  }

  /** Into the range, and rounded where only whole numbers count. */
  tidy(value) {
    let v = value;
    const span = this.max - this.min;
    if (this.wrap && (v < this.min || v > this.max)) v = ((((v - this.min) % span) + span) % span) + this.min;
    v = Math.min(Math.max(v, this.min), this.max);
    return this.whole ? Math.round(v) : v;
  }

  /** Move by a share of the range; whole numbers by at least one. */
  nudge(value, share) {
    if (this.whole) return this.tidy(value + Math.sign(share) * Math.max(1, Math.round(Math.abs(share) * (this.max - this.min))));
    return this.fromUnit(this.toUnit(value) + share);
  }

  /** As people read it. */
  write(value) {
    if (this.whole) return String(Math.round(value));
    if (this.log) {
      const size = Math.abs(value);
      return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3);
    }
    const text = value.toFixed(this.digits);
    return Number(text) === 0 ? (0).toFixed(this.digits) : text;
  }

  /** What someone typed, or null. */
  read(text) {
    const number = Number.parseFloat(text.trim().replace(",", "."));
    return Number.isFinite(number) ? this.tidy(number) : null;
  }
}
