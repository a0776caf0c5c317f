/** Keyboard shortcuts, and the page that shows them. */
import { byId, h } from "./dom.js";

const TYPING = "input, select, textarea, [contenteditable]";

/** @param {Array<{keys: string[], shown: string, doc: string, run: (event: KeyboardEvent) => void}>} shortcuts */
export function listen(shortcuts) {
  const table = new Map(shortcuts.flatMap((s) => s.keys.map((key) => [key, s])));
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || byId("help-dialog").open) return;
    if (event.target.matches(TYPING)) return;
    // a focused button keeps its own keys
    if ((event.key === " " || event.key === "Enter") && event.target.matches("button, summary")) return;
    const digit = /^Digit([1-8])$/.exec(event.code);
    const found = table.get(digit ? (event.shiftKey ? "shift+digit" : "digit") : event.key.toLowerCase());
    if (!found || event.repeat) return;
    event.preventDefault();
    found.run(event, digit ? Number(digit[1]) : 0);
  });
  // After a click a button must not keep the focus: Space would press it again instead of tapping the tempo.
  addEventListener("click", (event) => {
    if (event.detail > 0 && document.activeElement?.matches("button, summary")) document.activeElement.blur();
  });
  byId("shortcuts").replaceChildren(...shortcuts.filter((s) => s.shown).map(({ shown, doc }) =>
    h("div", {}, h("dt", {}, ...shown.split(" ").map((key) => (/^(or|to|and)$/.test(key) ? ` ${key} ` : h("kbd", {}, key)))), h("dd", {}, doc))));
  byId("help").addEventListener("click", () => byId("help-dialog").showModal());
}
