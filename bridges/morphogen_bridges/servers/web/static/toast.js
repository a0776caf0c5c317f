/** Messages at the lower edge: what happened, and what cures it. */
import { byId, h } from "./dom.js";

const STAY = { error: 7000, note: 3000 };
const MOST = 3;
const shown = new Map();

/**
 * @param {string} message
 * @param {string} [cure]
 * @param {"error"|"note"} [kind]
 */
export function toast(message, cure = "", kind = "error") {
  const known = shown.get(message);
  if (known) {
    known.count += 1;
    known.badge.textContent = `×${known.count}`;
    known.again();
    return;
  }
  const badge = h("span.times");
  const element = h(`div.toast.${kind}`, { role: kind === "error" ? "alert" : "status" },
    h("p", {}, h("strong", {}, message), badge), cure ? h("p.cure", {}, cure) : null,
    h("button", { type: "button", "aria-label": "Dismiss", on: { click: () => drop() } }, "×"));
  let timer = 0;
  const drop = () => {
    clearTimeout(timer);
    shown.delete(message);
    element.remove();
  };
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(drop, STAY[kind]);
  };
  element.addEventListener("pointerenter", () => clearTimeout(timer));
  element.addEventListener("pointerleave", again);
  shown.set(message, { count: 1, badge, again, drop });
  byId("toasts").append(element);
  again();
  while (shown.size > MOST) [...shown.values()][0].drop();
}

/** For `.catch`: shows what a failed call says. */
export const complain = (error) => toast(error.message, error.cure ?? "");
