/** Puts the page together. */
import { buildControls } from "./controls.js";
import { byId } from "./dom.js";
import { Gallery } from "./gallery.js";
import { listen } from "./keys.js";
import { Layer } from "./layer.js";
import { Learn } from "./learn.js";
import { Link } from "./link.js";
import { Matrix } from "./matrix.js";
import { buildPanels } from "./panels.js";
import { Preview } from "./preview.js";
import { Record } from "./record.js";
import { Show } from "./show.js";
import { Snapshots } from "./snapshots.js";
import { Sound } from "./sound.js";
import { Stage } from "./stage.js";
import { watchStatus } from "./status.js";
import { Store } from "./store.js";
import { complain, toast } from "./toast.js";

const link = new Link(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
const store = new Store(link);

buildPanels();
watchStatus(link);
store.ready(() => (buildControls(store), new Layer(link)));
const stage = new Stage(store);
const preview = new Preview(link);
const record = new Record(link);
const gallery = new Gallery(link, store);
const sound = new Sound(link, store);
const snapshots = new Snapshots(link);
new Matrix(link, store);
new Show(link);
const learn = new Learn(link, store);

link.addEventListener("error", (event) => complain(event.detail));
link.addEventListener("log", (event) => {
  const { level, message, cure } = event.detail ?? {};
  if (/warn|error|critical/i.test(level ?? "") && message) toast(message, cure);
});

listen([
  { keys: ["b"], shown: "B", doc: "Blackout, on and off", run: () => stage.flip("output/blackout") },
  { keys: ["f"], shown: "F", doc: "Freeze, on and off", run: () => stage.flip("output/freeze") },
  { keys: ["t", " "], shown: "T or Space", doc: "Tap the tempo", run: () => sound.tap() },
  { keys: ["enter"], shown: "Enter", doc: "This is the beat, now", run: () => sound.beat() },
  { keys: ["arrowleft"], shown: "← and →", doc: "Previous and next style", run: () => gallery.step("previous") },
  { keys: ["arrowright"], shown: "", doc: "", run: () => gallery.step("next") },
  { keys: ["digit"], shown: "1 to 8", doc: "Recall a snapshot", run: (_, slot) => snapshots.press(slot) },
  { keys: ["shift+digit"], shown: "Shift 1 to 8", doc: "Store a snapshot", run: (_, slot) => snapshots.press(slot, true) },
  { keys: ["m"], shown: "M", doc: "To the master fader (then arrow keys)", run: () => stage.master?.element.focus() },
  { keys: ["l"], shown: "L", doc: "Learn: point at something, then move a knob", run: () => learn.toggle() },
  { keys: ["p"], shown: "P", doc: "Preview, on and off", run: () => preview.toggle() },
  { keys: ["r"], shown: "R", doc: "Record, on and off", run: () => record.flip() },
  { keys: ["v"], shown: "V", doc: "Full screen", run: () => preview.full() },
  { keys: ["/"], shown: "/", doc: "Filter the styles", run: () => byId("filter").focus() },
  { keys: ["?"], shown: "?", doc: "This page", run: () => byId("help-dialog").showModal() },
]);

link.start();
