/** Styles that come and go as files: dropped anywhere on the page or chosen; and pictures that carry one, to keep. */
import { byId } from "./dom.js";
import { complain, toast } from "./toast.js";

const MOST = 16 * 2 ** 20;
const STILL = 800; // ms; while something hangs over the page, it is told every 350 at least

/**
 * Play what is in a file: a PNG that carries a style, a style file, or a packed style.
 * @param {File} file
 */
export async function send(file) {
  if (file.size > MOST) {
    toast(`${file.name} has ${Math.ceil(file.size / 2 ** 20)} MB; a style has ${MOST / 2 ** 20} at most.`, "Choose the picture or file that you were given.");
    return;
  }
  try {
    const answer = await fetch("/api/v1/styles", { method: "POST", body: file });
    const said = await answer.json();
    if (answer.ok) toast(`${file.name} is playing.`, "", "note");
    else complain({ ...said.error, message: `${file.name}: ${said.error.message}` });
  } catch {
    toast(`${file.name} was not sent.`, "Is it still there, and is the show still running?");
  }
}

/**
 * Download a picture that carries a style.
 * @param {string} [name] left out: what runs now
 */
export async function share(name) {
  try {
    const answer = await fetch(name ? `/api/v1/styles/${name}/share.png` : "/api/v1/styles/current.png");
    if (!answer.ok) {
      complain((await answer.json()).error);
      return;
    }
    const file = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "style.png";
    const address = URL.createObjectURL(await answer.blob());
    Object.assign(document.createElement("a"), { href: address, download: file }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    toast(`${file} carries the style.`, "Send it as a file, not as a photo: photos lose it.", "note");
  } catch {
    toast("There is no picture.", "Is the show still running?");
  }
}

/**
 * Files may be dropped anywhere. Without this a browser would leave the page and show the file.
 * @param {(file: File) => void} take
 */
export function watchDrops(take) {
  const sign = byId("drop");
  const ours = (event) => event.dataTransfer?.types.includes("Files");
  let gone = 0;
  const hide = () => (sign.hidden = true);
  addEventListener("dragover", (event) => {
    if (!ours(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    sign.hidden = false;
    clearTimeout(gone);
    gone = setTimeout(hide, STILL); // browsers tell leaving, Escape and other ends in different ways, or not at all
  });
  addEventListener("drop", (event) => {
    if (!ours(event)) return;
    event.preventDefault();
    hide();
    const [file, ...more] = event.dataTransfer.files;
    if (file) take(file);
    if (more.length) toast("One at a time: the first of these plays.", "", "note");
  });
}
