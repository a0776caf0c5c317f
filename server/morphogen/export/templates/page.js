
"use strict";
// The address may say anything that a slider says, and more: page.html#bass=0.8&time=7&freeze=1&panel=0&ear=hand&scale=1
const $ = (id) => document.getElementById(id);
const INPUTS = JSON.parse($("inputs").textContent);
const byName = Object.fromEntries(INPUTS.map((i) => [i.name, i]));
const values = Object.fromEntries(INPUTS.map((i) => [i.name, i.default]));
const sounds = INPUTS.filter((i) => i.group === "Sound").map((i) => i.name);
const state = { time: 0, freeze: false, ear: "demo", scale: 0 };
const rows = {};

// --- the picture

const canvas = $("picture");
let gl = null, program = null, places = {};
function start() {
  gl = canvas.getContext("webgl2", { alpha: false, antialias: false, powerPreference: "high-performance" });
  if (!gl) return tell("This browser has no WebGL2, which the picture needs. Try a current Firefox, Chrome or Safari, with hardware acceleration on.");
  const made = gl.createProgram();
  const vertex = "#version 300 es\nvoid main() { gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0); }";
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, $("shader").textContent.trimStart()]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) return tell("The graphics driver refuses the shader: " + gl.getShaderInfoLog(shader));
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) return gl.isContextLost() || tell("The graphics driver refuses the program: " + gl.getProgramInfoLog(made));
  program = made;
  places = Object.fromEntries(["resolution", "time", ...Object.keys(values)].map((n) => [n, gl.getUniformLocation(made, n)]));
  gl.useProgram(program);
}
let fine = 1;  // share of the screen's pixels that this card can draw in time
function draw() {
  if (!program) return;
  const scale = state.scale || Math.min(devicePixelRatio || 1, 2) * fine;
  const width = Math.max(1, Math.round(canvas.clientWidth * scale)), height = Math.max(1, Math.round(canvas.clientHeight * scale));
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  gl.viewport(0, 0, width, height);
  gl.uniform2f(places.resolution, width, height);
  gl.uniform1f(places.time, state.time);
  for (const name in values) gl.uniform1f(places[name], values[name]);
  gl.drawArrays(gl.TRIANGLES, 0, 3);
}
let last = 0, slow = 0;
function frame(now) {
  const dt = Math.min((now - last) / 1000, 0.25);
  last = now;
  if (!state.freeze) {
    state.time += dt * values.speed;
    if (state.ear === "demo") hear(demo(now / 1000));
    else if (ears && state.ear === "microphone") hear(ears.listen(dt));
    slow = dt > 0.03 ? slow + 1 : Math.max(0, slow - 1);
    if (slow > 40 && fine > 0.36 && !state.scale) { fine *= 0.8; slow = 0; }
  }
  draw();
  requestAnimationFrame(frame);
}
canvas.addEventListener("webglcontextlost", (event) => { event.preventDefault(); program = null; });
canvas.addEventListener("webglcontextrestored", start);

// --- what is heard

function hear(found) { for (const name of sounds) if (name in found) set(name, found[name]); }
function demo(t) {  // a quiet piece of music that nobody hears: 96 beats a minute
  const beat = (t * 1.6) % 1, slowly = (rate, at) => 0.5 + 0.5 * Math.sin(t * rate + at), kick = Math.exp(-4 * beat);
  return { beat: kick, bass: 0.15 + 0.5 * kick * slowly(0.21, 0), mid: 0.2 + 0.4 * slowly(0.53, 1), treble: 0.1 + 0.35 * slowly(0.83, 2) * slowly(5.03, 0),
    brightness: 0.3 + 0.4 * slowly(0.31, 3), rolloff: 0.3 + 0.4 * slowly(0.27, 4), flux: 0.15 + 0.4 * kick, rms: 0.3 + 0.3 * slowly(0.21, 0), progress: slowly(0.02, -1.5) };
}
// Floor and ceiling that follow a signal: out at once, back in slowly.
class Range {
  constructor(floor, ceiling) { this.floor = floor; this.ceiling = ceiling; }
  follow(v, dt) {
    this.ceiling = v > this.ceiling ? v : this.ceiling + (v - this.ceiling) * (1 - Math.exp(-dt / 5));
    this.floor += (v - this.floor) * (1 - Math.exp(-dt / (v < this.floor ? 0.3 : 12)));
  }
  amplitude(v, least) {
    const ceiling = Math.max(this.ceiling * 1.05, least), floor = this.ceiling > least ? Math.min(this.floor, 0.6 * this.ceiling) : 0;
    return unit((v - floor) / (ceiling - floor));
  }
  position(v) {
    const middle = (this.floor + this.ceiling) / 2, half = Math.max(this.ceiling - this.floor, 1) / 2;
    return unit((v - middle + half) / (2 * half));
  }
}
const unit = (v) => Math.min(Math.max(v, 0), 1);
class Ears {  // the features of Morphogen's own analysis, from the browser's spectrum
  constructor(context, source) {
    this.context = context;
    this.node = new AnalyserNode(context, { fftSize: 2048, smoothingTimeConstant: 0 });
    source.connect(this.node);
    this.db = new Float32Array(1024); this.wave = new Float32Array(2048); this.past = new Float32Array(1024); this.now = new Float32Array(1024);
    this.ranges = { bass: new Range(0, 0.03), mid: new Range(0, 0.03), treble: new Range(0, 0.03), rms: new Range(0, 0.03), flux: new Range(0, 0) };
    this.smooth = {}; this.low = 0; this.mean = 0; this.kick = 0; this.since = 1; this.progress = 0;
  }
  listen(dt) {
    this.node.getFloatFrequencyData(this.db);
    this.node.getFloatTimeDomainData(this.wave);
    const hz = this.context.sampleRate / 2048, raw = { bass: 0, mid: 0, treble: 0, flux: 0 };
    let total = 0, turn = 0, low = 0;
    for (let k = 1; k < 1024; k++) {
      const f = k * hz, m = this.now[k] = this.db[k] > -140 ? 10 ** (this.db[k] / 20) : 0;
      total += m; turn += m * f;
      raw.flux += Math.max(m - this.past[k], 0);
      if (f >= 20 && f < 250) raw.bass += m * m; else if (f >= 250 && f < 4000) raw.mid += m * m; else if (f >= 4000 && f < 20000) raw.treble += m * m;
      if (f >= 30 && f < 180) low += m * m;
    }
    [this.past, this.now] = [this.now, this.past];
    for (const name of ["bass", "mid", "treble"]) raw[name] = Math.sqrt(raw[name]);
    raw.rms = Math.sqrt(this.wave.reduce((sum, v) => sum + v * v, 0) / 2048);
    const gate = unit((20 * Math.log10(raw.rms + 1e-9) + 66) / 10), aims = {};
    if (gate > 0) {
      const least = Math.max(0.004, 0.02 * this.ranges.rms.ceiling);
      for (const name in raw) { this.ranges[name].follow(raw[name], dt); aims[name] = this.ranges[name].amplitude(raw[name], name === "flux" ? 1e-3 : least); }
      let sum = 0, k = 0;
      while (k < 1023 && sum < 0.85 * total) sum += this.past[++k];
      for (const [name, f] of [["brightness", turn / total], ["rolloff", k * hz]]) {
        if (!(f > 0)) continue;
        const octave = Math.log2(f), range = this.ranges[name] ||= new Range(octave - 1, octave + 1);
        range.follow(octave, dt);
        aims[name] = range.position(octave);
      }
    }
    for (const name of ["bass", "mid", "treble", "brightness", "rolloff", "flux", "rms"]) {
      const old = this.smooth[name] || 0, aim = (aims[name] || 0) * gate;
      this.smooth[name] = old + (aim - old) * (1 - Math.exp(-dt / (aim > old ? 0.01 : 0.12)));
    }
    // A bass drum: the low band rises clearly more than it usually does.
    low = Math.sqrt(low) / Math.max(this.ranges.bass.ceiling, 0.004);
    const rise = Math.max(low - this.low, 0);
    this.low = low; this.since += dt;
    if (rise > 0.12 + 1.8 * this.mean && this.since > 0.12 && gate > 0.5) { this.kick = 1; this.since = 0; } else this.kick *= Math.exp(-dt / 0.12);
    this.mean += (rise - this.mean) * (1 - Math.exp(-dt / 0.8));
    this.progress += dt;
    return { ...this.smooth, beat: this.kick, progress: 0.5 - 0.5 * Math.cos(this.progress / 38.2) };
  }
  close() { this.context.close(); }
}
let ears = null, microphone = null;
async function listen(ear) {
  state.ear = ear;
  for (const button of document.querySelectorAll("[data-ear]")) button.classList.toggle("on", button.dataset.ear === ear);
  if (ear !== "microphone") {
    microphone?.getTracks().forEach((track) => track.stop());
    ears?.close();
    ears = microphone = null;
    tell("");
    return;
  }
  try {
    if (!navigator.mediaDevices) throw new Error("browsers lend it to pages from https:// or localhost, and some to files");
    microphone = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    const context = new AudioContext();
    await context.resume();
    ears = new Ears(context, context.createMediaStreamSource(microphone));
    tell("");
  } catch (error) {
    await listen("demo");
    tell("No microphone: " + error.message + ". The demo plays on.");
  }
}

// --- the panel

function tell(text) { $("told").textContent = text; }
function set(name, value) {
  const input = byName[name];
  value = input?.choices.includes(value) ? input.choices.indexOf(value) : Number(value);
  if (!input || !Number.isFinite(value)) return;
  values[name] = Math.min(Math.max(value, input.low), input.high);
  const row = rows[name];
  if (row && !document.body.classList.contains("away")) {
    row.field.value = row.turn(values[name]);
    if (row.shown) row.shown.textContent = input.kind === "whole" ? values[name].toFixed(0) : values[name].toFixed(2);
  }
}
function build() {
  let group = "";
  for (const input of INPUTS) {
    if (input.group !== group) $("sliders").append(Object.assign(document.createElement("h2"), { textContent: group = input.group }));
    const label = Object.assign(document.createElement("label"), { textContent: input.label, title: input.doc });
    const row = rows[input.name] = { turn: (v) => v, back: (v) => v };
    if (input.choices.length) {
      row.field = document.createElement("select");
      input.choices.forEach((text, n) => row.field.append(new Option(text, n)));
      label.append(row.field);
    } else {
      if (input.log) { row.turn = Math.log; row.back = Math.exp; }
      const low = row.turn(input.low), high = row.turn(input.high);
      row.field = Object.assign(document.createElement("input"), { type: "range", min: low, max: high, step: input.kind === "whole" ? 1 : (high - low) / 1000 });
      row.shown = document.createElement("output");
      label.append(row.field, row.shown);
    }
    row.field.addEventListener("input", () => {
      if (input.group === "Sound" && state.ear !== "hand") listen("hand");
      set(input.name, row.back(Number(row.field.value)));
    });
    $("sliders").append(label);
    set(input.name, input.default);
  }
}
function panel(on) { document.body.classList.toggle("away", !on); if (on) for (const name in values) set(name, values[name]); }
function read() {  // the address
  const asked = new URLSearchParams(location.hash.slice(1));
  if (sounds.some((name) => asked.has(name))) listen("hand");
  for (const [name, text] of asked) {
    if (name in byName) set(name, text);
    else if (name === "time" && Number.isFinite(Number(text))) state.time = Number(text);
    else if (name === "scale") state.scale = Math.min(Math.max(Number(text) || 0, 0), 4);
    else if (name === "freeze") state.freeze = text !== "0";
    else if (name === "panel") panel(text !== "0");
    else if (name === "ear" && ["demo", "hand"].includes(text)) listen(text);
  }
}
let idle = 0;
function moved() {
  document.body.classList.add("moved");
  clearTimeout(idle);
  idle = setTimeout(() => document.body.classList.remove("moved"), 2500);
}
addEventListener("pointermove", moved);
addEventListener("pointerdown", moved);
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "h" || event.key === "H") panel(document.body.classList.contains("away"));
  if (event.key === " " && event.target === document.body) { event.preventDefault(); state.freeze = !state.freeze; }
});
addEventListener("hashchange", read);
$("fold").addEventListener("click", () => panel(false));
$("open").addEventListener("click", () => panel(true));
$("reset").addEventListener("click", () => INPUTS.forEach((i) => i.group !== "Sound" && set(i.name, i.default)));
$("full").addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.())?.catch(() => {}));
for (const button of document.querySelectorAll("[data-ear]")) button.addEventListener("click", () => listen(button.dataset.ear));
build();
start();
listen("demo");
if (innerWidth < 600) panel(false);  // on a phone the picture comes first
read();
window.morphogen = { set, draw, state, values };  // for whoever puts this page into another
requestAnimationFrame((now) => { last = now; frame(now); });
