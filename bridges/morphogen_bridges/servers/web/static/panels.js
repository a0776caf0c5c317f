/** Which panel is seen: one at a time on a phone (lower bar), one beside the stage on a laptop. */
import { h, remember, remembered } from "./dom.js";

const PANELS = [["styles", "Styles"], ["controls", "Controls"], ["sound", "Sound"], ["matrix", "Modulation"], ["snapshots", "Snapshots"]];
const SIDE = ["controls", "sound", "matrix"];
const SHORT = { matrix: "Mod", snapshots: "Snaps" };

export function buildPanels() {
  const body = document.body;
  const lower = document.querySelector(".tabs");
  const side = document.querySelector(".side-tabs");
  const show = (name) => {
    body.dataset.tab = name;
    if (SIDE.includes(name)) body.dataset.side = name;
    remember("tab", name);
    for (const button of [...lower.children, ...side.children]) {
      const chosen = button.dataset.to === (button.parentElement === lower ? body.dataset.tab : body.dataset.side);
      button.setAttribute(button.parentElement === lower ? "aria-current" : "aria-selected", String(chosen));
    }
  };
  const open = (name) => {
    show(name);
    const panel = document.getElementById(`panel-${name}`);
    if (getComputedStyle(lower).display !== "none") {
      const top = panel.getBoundingClientRect().top - document.querySelector(".stage").getBoundingClientRect().bottom;
      if (top < 0) scrollBy({ top: top - 12 });
    }
  };
  for (const [name, label] of PANELS) {
    lower.append(h("button", { type: "button", "data-to": name, on: { click: () => open(name) } }, SHORT[name] ?? label));
    if (SIDE.includes(name)) {
      side.append(h("button", { type: "button", role: "tab", "data-to": name, "aria-controls": `panel-${name}`, on: { click: () => open(name) } }, label));
    }
  }
  const last = remembered("tab", "styles");
  show("controls");
  show(PANELS.some(([name]) => name === last) ? last : "styles");
}
