/** Whether the show is well: connection, frame rate, what was late or dropped. */
import { byId, say } from "./dom.js";

const CALM = 500; // ms between two numbers, so that they can be read

const sum = (value) =>
  typeof value === "number" ? value : Object.values(value ?? {}).reduce((total, n) => total + (Number(n) || 0), 0);

export function watchStatus(link) {
  const chip = byId("link");
  const state = (name, text) => {
    document.body.dataset.link = name;
    say(chip.querySelector("span"), text);
  };
  link.addEventListener("open", () => state("live", "Connected"));
  link.addEventListener("closed", () => state("lost", "Reconnecting"));
  // `state` tells the frame rate of now, `stats` the one since the start: the first is what a stage wants to know
  let told = -Infinity;
  link.addEventListener("state", (event) => {
    if (performance.now() - told < CALM) return;
    told = performance.now();
    show(event.detail ?? {});
  });
  link.addEventListener("stats", (event) => {
    const { fps, ...rest } = event.detail ?? {};
    show(told > 0 ? rest : { fps, ...rest });
  });
}

function show(stats) {
  const read = (name, text, bad = false) => {
    const cell = byId("readout").querySelector(`[data-read="${name}"]`);
    say(cell, text);
    cell.classList.toggle("bad", bad);
  };
  if (typeof stats.fps === "number") read("fps", stats.fps.toFixed(1));
  if (stats.late !== undefined) read("late", String(stats.late), stats.late > 0);
  if (stats.dropped !== undefined) read("dropped", String(sum(stats.dropped)), sum(stats.dropped) > 0);
}
