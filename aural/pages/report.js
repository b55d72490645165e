"use strict";
const DATA = JSON.parse(byId("data").textContent);
const LEFT = 54, BOTTOM = 20, TOP = 16;
const MAGMA = [[0, 0, 4], [81, 18, 124], [183, 55, 121], [252, 137, 97], [252, 253, 191]];
const ADDED = [45, 212, 191];
const SHOWN_DB = [-105, -25];
const SHOWN_LUFS = [-60, 0];
const CONTENT = { s: "speech", m: "music", b: "both", "-": "neither", ".": "silence" };
const COURSES = DATA.courses, NAMES = Object.keys(COURSES);
const DURATION_S = Math.max(...Object.values(COURSES).map((course) => course.duration_s));

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const mel = (hz) => 2595 * Math.log10(1 + hz / 700);
const audio = DATA.audio;
let player = null; // made by the first click: browsers let no page sound before
let loaded = null; // the promise of its sound
let passage = 0;
let selecting = null;

// Prepare a canvas for its size on the screen; x and y turn seconds, and values from low to high, into pixels.
function sheet(id, low = 0, high = 1, margins = [LEFT, BOTTOM]) {
  const canvas = byId(id), scale = devicePixelRatio || 1, [left, bottom] = margins;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  [canvas.width, canvas.height] = [width * scale, height * scale];
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.font = "12px system-ui, sans-serif";
  const top = bottom ? TOP : 0;
  return {
    context, left, top, width, height, right: width, bottom: height - bottom,
    x: (seconds) => left + (seconds / DURATION_S) * (width - left),
    y: (value) => height - bottom - ((value - low) / (high - low)) * (height - bottom - top),
  };
}

function axes(s, ticks, label) {
  const { context } = s;
  context.fillStyle = colour("quiet");
  context.strokeStyle = colour("line");
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const [value, text] of ticks) {
    line(s, [[0, value], [DURATION_S, value]], colour("line"), 1);
    context.fillText(text, s.left - 5, Math.max(s.top + 6, s.y(value)));
  }
  context.textBaseline = "bottom";
  context.textAlign = "center";
  const room = Math.max(1, Math.floor((s.width - s.left) / 70));
  const step = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600].find((t) => DURATION_S / t <= room) ?? 7200;
  for (let t = 0; t <= DURATION_S; t += step) {
    context.textAlign = t ? (s.x(t) > s.width - 16 ? "right" : "center") : "left";
    context.fillText(step < 1 ? t.toFixed(1) : `${Math.floor(t / 60)}:${String(t % 60).padStart(2, "0")}`, s.x(t), s.height);
  }
  context.textAlign = "left";
  context.textBaseline = "top";
  context.fillText(label, 0, 0);
}

function line(s, points, style, width = 1.5, dash = []) {
  const { context } = s;
  context.strokeStyle = style;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.beginPath();
  let drawing = false;
  for (const [seconds, value] of points) {
    if (value === null) { drawing = false; continue; }
    context[drawing ? "lineTo" : "moveTo"](s.x(seconds), Math.min(s.bottom, Math.max(s.top, s.y(value))));
    drawing = true;
  }
  context.stroke();
  context.setLineDash([]);
}

const timed = (course, values) => values.map((value, n) => [(n + 0.5) * course.column_s, value]);

function drawWaves() {
  byId("wave").style.height = `${5.5 * NAMES.length}rem`;
  const highest = 2 * NAMES.length - 1, s = sheet("wave", -1, highest), { context } = s;
  axes(s, [], "");
  const shade = (from, to, style, alpha) => {
    context.globalAlpha = alpha;
    context.fillStyle = style;
    context.fillRect(s.x(from), s.top, Math.max(1, s.x(to) - s.x(from)), s.bottom - s.top);
    context.globalAlpha = 1;
  };
  for (const [n, { from_s, to_s }] of (audio.passages ?? []).entries()) {
    shade(from_s, to_s, colour("accent"), n === passage ? 0.22 : 0.1);
  }
  const loop = selecting ?? chosenLoop();
  if (loop) shade(Math.min(...loop), Math.max(...loop), colour("accent"), 0.25);
  for (const [number, name] of NAMES.entries()) {
    const course = COURSES[name], middle = highest - 1 - 2 * number;
    context.fillStyle = colour(name) || colour("accent");
    for (let n = 0; n < course.low.length; n++) {
      const top = s.y(middle + Math.min(1, course.high[n])), foot = s.y(middle + Math.max(-1, course.low[n]));
      const x = s.x(n * course.column_s);
      context.fillRect(x, top, Math.max(1, s.x((n + 1) * course.column_s) - x), Math.max(1, foot - top));
    }
    context.fillStyle = colour("quiet");
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText(name, s.left - 5, s.y(middle), s.left - 5);
  }
  if (player) line(s, [[standing(), -1], [standing(), highest]], colour("ink"), 1.5);
}

// A row for each kind of defect, with a tick at each.
function drawPlaces() {
  if (!byId("places")) return;
  const kinds = Object.entries(DATA.places_s), row = 14;
  byId("places").style.height = `${row * kinds.length + 4}px`;
  const s = sheet("places", 0, 1, [LEFT, 0]), { context } = s;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const [n, [name, places]] of kinds.entries()) {
    context.fillStyle = colour("quiet");
    context.fillText(name, s.left - 5, (n + 0.5) * row, s.left - 5);
    context.fillStyle = colour(name === "breaths" ? "neither" : "mark");
    for (const seconds of places) context.fillRect(s.x(seconds) - 1, n * row + 1, 2, row - 2);
  }
}

function drawContent() {
  if (!byId("content")) return;
  const s = sheet("content", 0, 1, [LEFT, 0]), { context } = s;
  for (const run of DATA.content.matchAll(/(.)\1*/g)) {
    const [from, to] = [s.x(run.index), s.x(Math.min(run.index + run[0].length, DURATION_S))];
    context.fillStyle = colour(CONTENT[run[1]]);
    context.fillRect(from, 0, Math.max(1, to - from), s.height);
  }
}

function drawLoudness() {
  if (!byId("loudness")) return;
  const s = sheet("loudness", ...SHOWN_LUFS);
  axes(s, [-10, -20, -30, -40, -50].map((db) => [db, String(db)]), "LUFS");
  for (const name of NAMES) {
    s.context.globalAlpha = 0.45;
    line(s, timed(COURSES[name], COURSES[name].true_peak_dbtp), colour(name), 0.6);
    s.context.globalAlpha = 1;
    line(s, timed(COURSES[name], COURSES[name].loudness_lufs), colour(name), 2);
  }
  if (!DATA.target) return;
  for (const value of [DATA.target.lufs, DATA.target.dbtp]) {
    line(s, [[0, value], [DURATION_S, value]], colour("mark"), 1.5, [6, 4]);
  }
}

// What was added is tinted, and where it was missing before; above a tick for each defect, or where one was mended.
const bits = (coded) => {
  const bytes = Uint8Array.from(atob(coded), (sign) => sign.charCodeAt(0));
  return (n) => (bytes[n >> 3] >> (7 - (n & 7))) & 1;
};

function drawMarks(s, places, style) {
  s.context.fillStyle = style;
  for (const seconds of places) s.context.fillRect(s.x(seconds) - 1, s.top - 9, 2, 7);
}

function drawSpectrum(name) {
  const course = COURSES[name], highest = Math.max(...Object.values(COURSES).map(({ edges_hz }) => edges_hz.at(-1)));
  const s = sheet(`spectrum-${name}`, 0, mel(highest)), columns = course.low.length;
  const bytes = Uint8Array.from(atob(course.levels), (sign) => sign.charCodeAt(0)), rows = bytes.length / columns;
  const image = new ImageData(columns, rows);
  const [low, high] = SHOWN_DB, isNew = DATA.added?.[name] ? bits(DATA.added[name]) : () => 0;
  for (let row = 0; row < rows; row++) {
    for (let n = 0; n < columns; n++) {
      const db = bytes[row * columns + n] / 2 - 127.5;
      const place = Math.max(0, Math.min(0.999, (db - low) / (high - low))) * (MAGMA.length - 1);
      const [from, to] = [MAGMA[Math.floor(place)], MAGMA[Math.floor(place) + 1]];
      const plain = from.map((value, c) => value + (to[c] - value) * (place % 1));
      const pixel = isNew(row * columns + n) ? plain.map((value, c) => 0.5 * (value + ADDED[c])) : plain;
      image.data.set([...pixel, 255], 4 * ((rows - 1 - row) * columns + n));
    }
  }
  const small = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  small.getContext("2d").putImageData(image, 0, 0);
  const ticks = [500, 1000, 2000, 4000, 8000, 16000].filter((hz) => hz < highest);
  axes(s, ticks.map((hz) => [mel(hz), `${hz / 1000}`]), "kHz");
  const top = s.y(mel(course.edges_hz.at(-1)));
  s.context.drawImage(small, s.left, top, s.x(columns * course.column_s) - s.left, s.bottom - top);
  drawMarks(s, DATA.marks_s?.[name] ?? [], colour("mark"));
  drawMarks(s, DATA.mended_s?.[name] ?? [], colour("speech"));
  const cutoff = DATA.cutoff_hz?.[name] ?? null;
  if (cutoff !== null) line(s, [[0, mel(cutoff)], [DURATION_S, mel(cutoff)]], "#fff", 1.5, [6, 4]);
}

function drawAll() {
  drawWaves();
  drawPlaces();
  drawContent();
  drawLoudness();
  for (const name of NAMES) drawSpectrum(name);
}

// The player ------------------------------------------------------------------------------------------------------

const current = () => audio.passages[passage];
const standing = () => current().from_s + player.position;
const chosenLoop = () => {
  const [from, to] = [byId("from"), byId("to")].map((field) => field && parseFloat(field.value));
  return from < to ? [from, to] : null;
};

function ready() {
  if (!player) {
    player = new Player(new AudioContext({ sampleRate: SAMPLE_RATE }));
    player.matched = byId("matched")?.checked ?? false;
    loaded = load();
  }
  return loaded;
}

async function load() {
  const wanted = passage;
  const versions = await decoded(player.context, current().clips);
  if (wanted !== passage) return; // another one was opened meanwhile
  player.load(versions);
  show();
}

function open(number) {
  passage = number;
  byId("passage").value = String(number);
  const { from_s, to_s } = current();
  for (const id of ["from", "to"]) Object.assign(byId(id), { value: "", min: from_s, max: to_s });
  if (player) loaded = load();
  show();
  return loaded;
}

async function toggle() {
  await ready();
  await player.context.resume();
  if (player.playing) player.pause();
  else player.play();
  show();
  if (player.playing) requestAnimationFrame(follow);
}

async function choose(name) {
  if (!(name in current().clips)) return;
  await ready();
  player.choose(name);
  show();
}

// Take the passage that the loop lies in, and repeat the loop.
async function repeat(from, to) {
  const middle = (from + to) / 2;
  const number = audio.passages.findIndex(({ from_s, to_s }) => from_s <= middle && middle < to_s);
  if (number < 0) return say("Only the marked passages can be heard here.");
  await ready();
  if (number !== passage) await open(number);
  const { from_s, to_s } = current();
  [from, to] = [Math.max(from, from_s), Math.min(to, to_s)];
  [byId("from").value, byId("to").value] = [from.toFixed(2), to.toFixed(2)];
  player.repeat(from - from_s, to - from_s);
  show();
}

function follow() {
  drawWaves();
  byId("position").textContent = clock(standing());
  if (player.playing) requestAnimationFrame(follow);
  else show();
}

const say = (text) => { byId("said").textContent = text; };

function show() {
  const chosen = player ? player.chosen : NAMES[0];
  for (const button of document.querySelectorAll("[data-version]")) {
    button.setAttribute("aria-pressed", String(button.dataset.version === chosen));
  }
  byId("play").firstChild.textContent = player?.playing ? "Pause" : "Play";
  byId("position").textContent = clock(player ? standing() : current().from_s);
  say("");
  drawWaves();
}

function startPlayer() {
  byId("play").addEventListener("click", toggle);
  byId("matched")?.addEventListener("change", ({ target }) => player?.match(target.checked));
  byId("passage").addEventListener("change", ({ target }) => open(Number(target.value)));
  for (const button of document.querySelectorAll("[data-version]")) {
    button.addEventListener("click", () => choose(button.dataset.version));
  }
  for (const id of ["from", "to"]) {
    byId(id).addEventListener("change", () => {
      const loop = chosenLoop();
      if (loop) repeat(...loop);
      else player?.repeat(0, 0);
      show();
    });
  }
  byId("whole").addEventListener("click", () => {
    byId("from").value = byId("to").value = "";
    player?.repeat(0, 0);
    show();
  });
  const versions = [...document.querySelectorAll("[data-version]")].map((button) => button.dataset.version);
  const keys = { " ": toggle, ...Object.fromEntries(versions.map((name, n) => [String(n + 1), () => choose(name)])) };
  onKeys(() => keys);
  const wave = byId("wave");
  const secondsAt = (event) => sheetSeconds(wave, event);
  wave.addEventListener("pointerdown", (event) => {
    selecting = [secondsAt(event), secondsAt(event)];
    wave.setPointerCapture(event.pointerId);
  });
  wave.addEventListener("pointermove", (event) => {
    if (!selecting) return;
    selecting[1] = secondsAt(event);
    drawWaves();
  });
  wave.addEventListener("pointerup", async () => {
    const [from, to] = [Math.min(...selecting), Math.max(...selecting)];
    selecting = null;
    if (to - from > 0.1) await repeat(from, to);
    else await goTo(from);
    drawWaves();
  });
  wave.addEventListener("pointercancel", () => { selecting = null; });
  show();
}

function sheetSeconds(canvas, event) {
  const { left, width } = canvas.getBoundingClientRect();
  return Math.max(0, Math.min(DURATION_S, ((event.clientX - left - LEFT) / (width - LEFT)) * DURATION_S));
}

async function goTo(seconds) {
  const number = audio.passages.findIndex(({ from_s, to_s }) => from_s <= seconds && seconds < to_s);
  if (number < 0) return say("Only the marked passages can be heard here.");
  await ready();
  if (number !== passage) await open(number);
  player.seek(seconds - current().from_s);
  show();
}

// Files beside the page are played by the browser itself: one at a time, and where the other one stood.
function startLinks() {
  const players = [...document.querySelectorAll("audio")];
  for (const player of players) {
    player.volume = 10 ** (Number(player.dataset.gainDb) / 20);
    player.addEventListener("play", () => {
      const other = players.find((one) => one !== player && !one.paused);
      if (!other) return;
      player.currentTime = other.currentTime;
      other.pause();
    });
  }
}

if (audio.passages) startPlayer();
else startLinks();
new ResizeObserver(drawAll).observe(document.body);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
