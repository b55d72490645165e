"use strict";
const DATA = JSON.parse(byId("data").textContent);
const WORDS = ["bad", "poor", "fair", "good", "excellent"];
const results = {
  aural: DATA.version, kind: DATA.kind, test: DATA.test, seed: DATA.seed, listener: "", began: "", ended: "", answers: [],
};
let player = null;
let keys = {};
let draw = Math.random;
let unsaved = false; // answers that would be lost

// Numbers from 0 to 1 that follow from a text: FNV-1a for the seed, then mulberry32.
function drawn(text) {
  let state = 2166136261;
  for (const byte of new TextEncoder().encode(text)) state = Math.imul(state ^ byte, 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function shuffled(values) {
  const mixed = [...values];
  for (let n = mixed.length - 1; n > 0; n--) {
    const other = Math.floor(draw() * (n + 1));
    [mixed[n], mixed[other]] = [mixed[other], mixed[n]];
  }
  return mixed;
}

function screen(...children) {
  keys = {};
  byId("screen").replaceChildren(...children);
  byId("screen").querySelector("h2")?.focus();
}

const heading = (text) => made("h2", { tabindex: "-1" }, text);
const others = (item) => Object.keys(item.clips).filter((name) => name !== "reference");

function welcome() {
  const name = made("input", { id: "listener", autocomplete: "off", maxlength: "100", required: "" });
  const form = made("form", { class: "card" }, heading("Before you begin"), made("p", {}, DATA.task),
    made("p", {}, "Use headphones in a quiet place, and set a comfortable level before you begin. You may listen as often as you like, and repeat a part."),
    made("div", { class: "row" }, made("label", {}, "Your name or number", name)),
    made("button", { class: "main" }, "Begin"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    results.listener = name.value.trim();
    if (!results.listener) return;
    results.began = new Date().toISOString();
    unsaved = true;
    draw = drawn(`${DATA.seed}\n${results.listener}`);
    player = new Player(new AudioContext({ sampleRate: SAMPLE_RATE }));
    await player.context.resume();
    const tasks = DATA.kind === "mushra" ? shuffled(DATA.items).map((item) => ({ item })) : pairs();
    for (const [n, task] of tasks.entries()) {
      await { mushra: rate, abx: tell, ab: prefer }[DATA.kind](task, `${n + 1} of ${tasks.length}`);
      player.pause();
    }
    end();
  });
  screen(form);
}

// Each pair of each item as many times as asked for.
function pairs() {
  const tasks = shuffled(DATA.items).flatMap((item) => {
    const systems = others(item);
    const both = DATA.kind === "abx"
      ? systems.map((system) => ["reference", system])
      : systems.flatMap((first, n) => systems.slice(n + 1).map((second) => [first, second]));
    return both.flatMap((pair) => Array.from({ length: DATA.trials }, () => ({ item, pair })));
  });
  return shuffled(tasks);
}

// Load sounds, {label: name of a version}, and show the buttons that play them.
async function listening({ item }, sounds, count) {
  const clips = Object.entries(sounds).map(([label, name]) => [label, { base64: item.clips[name], gain_db: 0 }]);
  player.chosen = null;
  player.load(await decoded(player.context, Object.fromEntries(clips)));
  const heard = new Set();
  const hint = made("p", { class: "quiet", role: "status" }, "Listen to all versions before you go on.");
  const buttons = {};
  const show = () => {
    for (const [label, button] of Object.entries(buttons)) {
      button.setAttribute("aria-pressed", String(player.playing && label === player.chosen));
    }
    pause.firstChild.textContent = player.playing ? "Pause" : "Play";
  };
  const hear = (label) => {
    player.choose(label);
    player.play();
    heard.add(label);
    show();
    onheard();
  };
  let onheard = () => {};
  for (const label of Object.keys(sounds)) {
    const key = label === "Reference" ? "r" : label.toLowerCase(); // from 10 on there is none
    const hint = key.length === 1 ? [made("kbd", { "aria-hidden": "true" }, key)] : [];
    buttons[label] = made("button", { type: "button", "aria-pressed": "false" }, label, ...hint);
    buttons[label].addEventListener("click", () => hear(label));
    keys[key] = () => hear(label);
  }
  const pause = made("button", { type: "button" }, "Play", made("kbd", { "aria-hidden": "true" }, "space"));
  keys[" "] = () => {
    if (player.playing) player.pause();
    else hear(player.chosen);
    show();
  };
  pause.addEventListener("click", keys[" "]);
  const [from, to] = ["from", "to"].map((id) =>
    made("input", { type: "number", id, min: "0", max: player.duration.toFixed(2), step: "0.01", inputmode: "decimal" }));
  from.value = "0";
  to.value = player.duration.toFixed(2);
  const repeat = () => player.repeat(Number(from.value) || 0, Number(to.value) || player.duration);
  from.addEventListener("change", repeat);
  to.addEventListener("change", repeat);
  repeat();
  return {
    buttons, hint, title: heading(`${count}: ${DATA.task}`),
    controls: made("div", { class: "row" }, pause, made("label", {}, "Repeat from", from, "s"), made("label", {}, "to", to, "s")),
    // Nothing can be answered before these have been heard.
    onceHeard: (labels, answers) => {
      onheard = () => {
        hint.hidden = labels.every((label) => heard.has(label));
        for (const answer of answers) answer.disabled = !hint.hidden;
      };
    },
  };
}

// Rate all versions of an item.
async function rate(task, count) {
  const names = shuffled([...others(task.item), "reference"]);
  const sounds = { Reference: "reference", ...Object.fromEntries(names.map((name, n) => [String(n + 1), name])) };
  screen(made("p", { role: "status" }, "Loading"));
  const { buttons, title, controls, hint, onceHeard } = await listening(task, sounds, count);
  const kept = keys;
  const sliders = names.map((_, n) => made("input", { type: "range", min: "0", max: "100", step: "1", value: "50", "aria-label": `Version ${n + 1}` }));
  const columns = sliders.map((slider, n) => {
    const value = made("output", {}, "");
    const word = () => WORDS[Math.min(4, Math.floor(Number(slider.value) / 20))];
    const show = () => {
      value.textContent = `${slider.value} ${word()}`;
      slider.setAttribute("aria-valuetext", value.textContent);
    };
    slider.addEventListener("input", show);
    show();
    return made("div", {}, buttons[String(n + 1)], slider, value);
  });
  const next = made("button", { type: "button", class: "main", disabled: "" }, "Next");
  onceHeard(names.map((_, n) => String(n + 1)), [next]);
  screen(made("section", {}, title, made("div", { class: "row" }, buttons.Reference), controls,
    made("div", { class: "sliders" }, ...columns), hint, next));
  keys = kept;
  await new Promise((done) => next.addEventListener("click", done));
  results.answers.push({ item: task.item.name, scores: Object.fromEntries(names.map((name, n) => [name, Number(sliders[n].value)])) });
}

// Ask a question about sounds; return the answer that was given.
async function asked(task, sounds, answers, count) {
  screen(made("p", { role: "status" }, "Loading"));
  const { buttons, title, controls, hint, onceHeard } = await listening(task, sounds, count);
  const kept = keys;
  const choices = Object.entries(answers).map(([answer, text]) =>
    [answer, made("button", { type: "button", class: "main", disabled: "" }, text)]);
  onceHeard(["A", "B", ...("X" in sounds ? ["X"] : [])], choices.map(([, button]) => button));
  screen(made("section", {}, title, made("div", { class: "row" }, ...Object.values(buttons)), controls, hint,
    made("div", { class: "row" }, ...choices.map(([, button]) => button))));
  keys = kept;
  return new Promise((done) => choices.forEach(([answer, button]) => button.addEventListener("click", () => done(answer))));
}

async function tell(task, count) {
  const [a, b] = shuffled(task.pair), x = shuffled(task.pair)[0];
  const answer = await asked(task, { A: a, B: b, X: x }, { A: "X is A", B: "X is B" }, count);
  results.answers.push({ item: task.item.name, pair: task.pair, x, answer: answer === "A" ? a : b });
}

async function prefer(task, count) {
  const [a, b] = shuffled(task.pair);
  const answer = await asked(task, { Reference: "reference", A: a, B: b }, { A: "I prefer A", B: "I prefer B" }, count);
  results.answers.push({ item: task.item.name, pair: task.pair, preferred: answer === "A" ? a : b });
}

function end() {
  results.ended = new Date().toISOString();
  const save = made("button", { type: "button", class: "main" }, "Save the answers");
  save.addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([JSON.stringify(results, null, 2)], { type: "application/json" }));
    const safe = results.listener.replace(/[^\p{L}\p{N}]+/gu, "_");
    const link = made("a", { href: url, download: `${DATA.kind}_${safe}.json` });
    link.click();
    URL.revokeObjectURL(url);
    unsaved = false;
  });
  screen(made("section", {}, heading("Thank you"), made("p", {}, "Save your answers as a file, and send it to the person who asked you."), save));
}

onKeys(() => keys);
addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
welcome();
