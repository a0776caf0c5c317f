/** The WebSocket: reconnects by itself, gathers moves, matches calls with results, and hands out events. */

const FIRST_WAIT = 400;
const LONGEST_WAIT = 4000;
const SILENCE = 6000; // meters come 20 times a second: after this long the line is dead, whatever TCP thinks
const CALL_TIMEOUT = 35000;
const GATHER = 15;

/** What went wrong, with the cure that the server names. */
export class ShowError extends Error {
  /** @param {{message: string, cure?: string, code?: number}} said */
  constructor(said) {
    super(said.message);
    this.cure = said.cure ?? "";
    this.code = said.code;
  }
}

/**
 * Events: "open", "closed" (detail: ms until the next try), "frame" (detail: {index, jpeg}), and one for each key of a
 * message of the server: hello params param style state stats meters tempo beat error ... And "changed" (detail: modulation,
 * snapshots, bank or sound) when somebody, wherever, changed what this page may keep a copy of.
 */
export class Link extends EventTarget {
  #socket = null;
  #calls = new Map();
  #next = 1;
  #wait = FIRST_WAIT;
  #moves = new Map();
  #gathering = 0;
  #heard = 0;
  #retry = 0;
  #changes = {};

  constructor(url) {
    super();
    this.url = url;
    setInterval(() => this.#check(), 1000);
    for (const type of ["online", "pageshow"]) addEventListener(type, () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
  }

  get open() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Connect, and stay connected. */
  start() {
    clearTimeout(this.#retry);
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#heard = performance.now();
    socket.onopen = () => {
      this.#wait = FIRST_WAIT;
      this.#changes = {}; // so that the first state may ask once too often, but nothing is missed in between
      this.#tell("open");
    };
    socket.onmessage = (event) => socket === this.#socket && this.#receive(event.data);
    socket.onclose = () => socket === this.#socket && this.#lost();
  }

  /** Move a parameter; moves of the same one within a frame are merged. */
  set(key, value) {
    if (!this.open) return false;
    this.#moves.set(key, value);
    if (!this.#gathering) this.#gathering = setTimeout(() => this.#flush(), GATHER);
    return true;
  }

  /** Send any message now. */
  send(message) {
    if (this.open) this.#socket.send(JSON.stringify(message));
  }

  /** Run a control method. @returns {Promise<any>} rejects with ShowError */
  call(method, args = {}) {
    if (!this.open) {
      return Promise.reject(new ShowError({ message: "Not connected.", cure: "The page tries again by itself." }));
    }
    this.#flush(); // what was moved before must arrive before
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#finish(id, null, { message: `${method} was not answered.`, cure: "" }), CALL_TIMEOUT);
      this.#calls.set(id, { resolve, reject, timer });
      this.send({ call: method, args, id });
    });
  }

  #flush() {
    clearTimeout(this.#gathering);
    this.#gathering = 0;
    if (!this.#moves.size) return;
    this.send({ set: Object.fromEntries(this.#moves) });
    this.#moves.clear();
  }

  #receive(data) {
    this.#heard = performance.now();
    if (data instanceof ArrayBuffer) {
      const index = new DataView(data).getUint32(0, true);
      this.#tell("frame", { index, jpeg: new Blob([new Uint8Array(data, 4)], { type: "image/jpeg" }) });
      return;
    }
    const message = JSON.parse(data);
    if (message.id !== undefined && message.id !== null) {
      this.#finish(message.id, message.result, message.error);
      return;
    }
    for (const [kind, detail] of Object.entries(message)) this.#tell(kind, detail);
    if (message.state?.changes) this.#compare(message.state.changes);
  }

  #compare(changes) {
    for (const [what, count] of Object.entries(changes)) {
      if (count === (this.#changes[what] ?? 0)) continue;
      this.#changes[what] = count;
      this.#tell("changed", what);
    }
  }

  #finish(id, result, error) {
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    clearTimeout(call.timer);
    if (error) call.reject(new ShowError(error));
    else call.resolve(result);
  }

  #lost() {
    this.#socket = null;
    this.#moves.clear();
    for (const id of [...this.#calls.keys()]) this.#finish(id, null, { message: "The connection was lost.", cure: "Try again." });
    const wait = this.#wait * (0.8 + 0.4 * Math.random());
    this.#wait = Math.min(this.#wait * 1.7, LONGEST_WAIT);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.start(), wait);
    this.#tell("closed", wait);
  }

  #check() {
    if (!this.#socket || document.hidden || performance.now() - this.#heard < SILENCE) return;
    const dead = this.#socket;
    this.#lost();
    dead.close();
  }

  #hurry() {
    if (this.#socket) return;
    this.#wait = FIRST_WAIT;
    this.start();
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
