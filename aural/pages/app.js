"use strict";
// The page of `aural app`. What is new comes by itself (events); all else is asked for below the token of this page.
const DATA = JSON.parse(byId("data").textContent);
const HERE = `${DATA.token}/`;
const MB = 1e6;
const PASSING_MS = 8000;
const rows = new Map(); // by the number of a recording: what stands on the page for it
let recordings = [];
let plans = {};

let going = 0;

// Say something above the page; what stands at a recording, too, covers the page for a while only.
function say(text, passing = false) {
  clearTimeout(going);
  byId("said").textContent = text;
  if (passing) going = setTimeout(say, PASSING_MS, "");
}

// Ask for something; return what is answered, or say in a sentence why not, and return null.
async function ask(method, path, body) {
  try {
    const answer = await fetch(HERE + path, { method, body });
    const given = await answer.json().catch(() => ({ error: "AURAL gave no answer" }));
    if (answer.ok && !("error" in given)) return given;
    say(given.error);
  } catch {
    say("AURAL cannot be reached; was it ended?");
  }
  return null;
}

// Recordings ------------------------------------------------------------------------------------------------------

async function take(files) {
  say("");
  for (const file of files) {
    if (file.size > DATA.upload_mb * MB) {
      say(`${file.name}: is larger than ${DATA.upload_mb} MB, the most that is taken here`);
    } else {
      await ask("PUT", `recordings?name=${encodeURIComponent(file.name)}`, file);
    }
  }
}

function show() {
  for (const [number, row] of rows) {
    if (!recordings.some(({ id }) => id === number)) {
      row.item.remove();
      rows.delete(number);
    }
  }
  for (const recording of recordings) {
    if (!rows.has(recording.id)) rows.set(recording.id, begun(recording));
    update(rows.get(recording.id), recording);
  }
  const first = byId("list").hidden && recordings.length > 0;
  byId("list").hidden = !recordings.length;
  if (first) byId("list").scrollIntoView({ block: "nearest" });
  const working = recordings.some(({ state }) => state === "waiting" || state === "running");
  const ready = recordings.filter(({ found, state }) => found.length && state !== "waiting" && state !== "running");
  for (const button of document.querySelectorAll(".cancel")) button.disabled = !working;
  byId("do-clean").disabled = !ready.length;
  byId("do-run").disabled = !ready.length || !byId("stages").children.length;
  byId("do-separate").disabled = !ready.length;
  byId("do-clean").textContent = ready.length > 1 ? `Clean ${ready.length} recordings` : "Clean";
  const results = recordings.reduce((count, { result }) => count + (result?.files.length ?? 0), 0);
  byId("all").hidden = results < 2;
}

function begun({ id, name }) {
  const row = {
    item: made("li", { class: "card" }),
    state: made("p", { class: "state" }),
    progress: made("progress", { max: "1", "aria-label": `Progress of ${name}` }),
    found: made("ul"),
    figures: made("details", {}, made("summary", {}, "Figures")),
    plan: made("details", { open: "" }, made("summary", {}, "What will be done, and why")),
    result: made("div"),
    shown: "",
    run: 0,
  };
  const remove = made("button", { type: "button", "aria-label": `Remove ${name}` }, "Remove");
  remove.addEventListener("click", () => ask("DELETE", String(id)));
  row.item.append(
    made("div", { class: "row" }, made("h3", {}, name), remove),
    row.state, row.progress, row.found, row.figures, row.plan, row.result,
  );
  byId("recordings").append(row.item);
  return row;
}

const STATES = {
  arriving: () => "is on its way",
  waiting: ({ task }) => (task === "looking" ? "waits to be examined" : "waits"),
  running: ({ task, left }) => [task === "looking" ? "is being examined" : "is being cleaned", left].filter(Boolean).join(", "),
  failed: ({ error }) => error,
  cancelled: () => "cancelled",
  done: ({ result, notes }) => [...(result ? ["done"] : []), ...notes].join("; "),
};

function update(row, recording) {
  const text = STATES[recording.state](recording);
  if (row.state.textContent !== text) row.state.textContent = text;
  if (row.told !== recording.state && ["done", "failed", "cancelled"].includes(recording.state) && text) {
    say(recording.state === "failed" ? text : `${recording.name}: ${text}`, true); // for who does not see the row
  }
  row.told = recording.state;
  row.state.classList.toggle("bad", recording.state === "failed");
  row.progress.hidden = recording.state !== "running";
  row.progress.value = recording.share;
  const key = JSON.stringify([recording.found, plans[recording.id]]);
  if (key !== row.shown) {
    row.shown = key;
    row.found.replaceChildren(...recording.found.map((words) => made("li", {}, words)));
    row.figures.hidden = !recording.found.length;
    row.figures.replaceChildren(row.figures.firstChild, table([], recording.figures));
    const plan = plans[recording.id];
    row.plan.hidden = !plan;
    row.plan.replaceChildren(row.plan.firstChild, ...(plan ? steps(plan) : []));
  }
  if (recording.result && recording.result.run !== row.run) {
    row.run = recording.result.run;
    row.plan.open = false;
    row.result.replaceChildren(...result(recording));
  }
}

function steps({ preset, steps: all }) {
  const rows = all.map(([runs, name, reason, values]) =>
    [runs ? made("strong", {}, name) : name, [runs || !name ? reason : `left out: ${reason}`, values].filter(Boolean).join(" · ")]);
  return [...(preset ? [made("p", { class: "quiet" }, `preset ${preset}`)] : []), table([], rows)];
}

function table(head, lines) {
  const body = lines.map(([first, ...rest]) =>
    made("tr", {}, made("th", { scope: "row" }, first), ...rest.map((cell) => made("td", {}, cell))));
  const top = head.length ? [made("thead", {}, made("tr", {}, ...head.map((cell) =>
    cell ? made("th", { scope: "col" }, cell) : made("td"))))] : [];
  return made("table", {}, ...top, made("tbody", {}, ...body));
}

function result({ id, name, result: made_of }) {
  const link = (text, path) => made("a", { class: "button", href: `${HERE}${id}/${path}`, download: "", "aria-label": `${text}: ${name}` }, text);
  const listen = made("button", { type: "button", class: "main", "aria-expanded": "false", "aria-label": `Listen and compare: ${name}` },
    "Listen and compare");
  const place = made("div");
  listen.addEventListener("click", () => {
    const open = listen.getAttribute("aria-expanded") === "true";
    listen.setAttribute("aria-expanded", String(!open));
    place.replaceChildren(...(open ? [] : [report(id, name, made_of.run)]));
  });
  const bad = made_of.not_mended.map((finding) => made("li", {}, `not mended: ${finding}`));
  return [
    made("details", {}, made("summary", {}, "What was done, and why"), ...steps(made_of), made("ul", {}, ...bad),
      ...(made_of.figures.length ? [table(["", "before", "after"], made_of.figures)] : [])),
    made("div", { class: "row" }, listen, ...made_of.files.map((what, n) => link(`Download ${what}`.trim(), `result/${n}`)),
      link("Save the report", "report?save")),
    place,
  ];
}

// The report with its player, as high as what stands on it.
function report(id, name, run) {
  const frame = made("iframe", { src: `${HERE}${id}/report?run=${run}`, title: `Report of ${name}` });
  frame.addEventListener("load", () => {
    const page = frame.contentDocument.documentElement;
    new ResizeObserver(() => { frame.style.height = `${page.offsetHeight + 4}px`; }).observe(page);
  });
  return frame;
}

// Forms -----------------------------------------------------------------------------------------------------------

// What stands in a field; null if nothing does. Numbers that are none go as they are typed, to be refused in words.
function value(field) {
  if (field.dataset.kind === "boolean") return field.checked;
  const text = field.validity.badInput ? "?" : field.value.trim();
  if (!text) return null;
  const number = (typed) => (Number.isFinite(Number(typed)) ? Number(typed) : typed);
  if (field.dataset.kind === "number") return number(text);
  if (field.dataset.kind === "text") return text;
  const parts = text.split(/[\s,]+/).filter(Boolean);
  return field.dataset.kind === "numbers" ? parts.map(number) : parts;
}

const asText = (field) => (field.dataset.kind === "boolean" ? String(field.checked) : field.value.trim());

// All that was given, but for what stands at its default, or does nothing beside the others.
function values(form) {
  const given = {};
  for (const field of form.querySelectorAll("[data-param]")) {
    if (field.closest(".idle") || field.closest("[hidden]") !== form.closest("[hidden]")) continue;
    const found = value(field);
    if (found !== null && (field.dataset.default === undefined || asText(field) !== field.dataset.default)) {
      given[field.dataset.param] = found;
    }
  }
  return given;
}

// Hide the fields that do nothing beside the others.
function depend(form) {
  const named = Object.fromEntries([...form.querySelectorAll("[data-param]")].map((f) => [f.dataset.param, f]));
  for (const part of form.querySelectorAll("[data-when]")) {
    const conditions = Object.entries(JSON.parse(part.dataset.when));
    part.hidden = !conditions.every(([name, wanted]) => {
      const text = named[name] ? asText(named[name]) : "";
      return wanted === null ? !text : wanted === "given" ? Boolean(text) : wanted.includes(text);
    });
  }
}

function slide(part) {
  const [range, box, output] = ["[type=range]", ".auto", "output"].map((which) => part.querySelector(which));
  part.classList.toggle("idle", box.checked);
  const text = box.checked ? "auto" : `${range.value} ${output.dataset.unit}`.trim();
  output.textContent = text;
  range.setAttribute("aria-valuetext", text);
}

const wished = () => ({
  preset: byId("preset").value, wishes: { ...values(byId("strengths")), ...values(byId("wishes")) },
});

let asked = 0;
async function foresee() {
  const number = ++asked;
  if (!recordings.some(({ found }) => found.length)) return;
  say("");
  const given = await ask("POST", "plan", JSON.stringify(wished()));
  if (number !== asked) return; // something else was chosen meanwhile
  plans = given ?? {};
  show();
}

// Chain -----------------------------------------------------------------------------------------------------------

function add(use, given = {}) {
  const item = made("li", { class: "card stage" });
  item.dataset.use = use;
  const act = (text, work) => {
    const button = made("button", { type: "button", "aria-label": `${text}: ${use}` }, text);
    button.addEventListener("click", () => { work(button); edited(); });
    return button;
  };
  item.append(
    made("div", { class: "row" }, made("h3", {}, use),
      act("Up", (button) => { item.previousElementSibling?.before(item); button.focus(); }),
      act("Down", (button) => { item.nextElementSibling?.after(item); button.focus(); }),
      act("Remove", () => { item.remove(); byId("stage").focus(); })),
    byId(`stage-${use}`).content.cloneNode(true),
  );
  for (const field of item.querySelectorAll("[data-param]")) {
    if (!(field.dataset.param in given)) continue;
    const wanted = given[field.dataset.param];
    if (field.dataset.kind === "boolean") field.checked = wanted;
    else field.value = Array.isArray(wanted) ? wanted.join(", ") : wanted;
  }
  item.addEventListener("change", edited);
  byId("stages").append(item);
}

const chain = () => JSON.stringify({
  stage: [...byId("stages").children].map((item) => ({ use: item.dataset.use, ...values(item) })),
});

let edits = 0;
async function edited() {
  for (const item of byId("stages").children) depend(item);
  const number = ++edits;
  const given = byId("stages").children.length ? await ask("POST", "chain", chain()) : { toml: "" };
  if (number !== edits) return;
  if (given) say("");
  byId("toml").textContent = given?.toml ?? "";
  byId("save").disabled = !given?.toml;
  show();
}

function save() {
  const url = URL.createObjectURL(new Blob([byId("toml").textContent], { type: "application/toml" }));
  made("a", { href: url, download: "chain.toml" }).click();
  URL.revokeObjectURL(url);
}

// Stems -----------------------------------------------------------------------------------------------------------

function showSeparator() {
  const form = byId("separator");
  form.replaceChildren(byId(`stage-${byId("by").value}`).content.cloneNode(true));
  depend(form);
}

// The page --------------------------------------------------------------------------------------------------------

function choose(tab) {
  for (const other of document.querySelectorAll("[role=tab]")) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    byId(other.getAttribute("aria-controls")).hidden = !chosen;
  }
  tab.focus();
}

const tabs = [...document.querySelectorAll("[role=tab]")];
for (const [n, tab] of tabs.entries()) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (step) choose(tabs[(n + step + tabs.length) % tabs.length]);
  });
}

byId("files").addEventListener("change", async ({ target }) => {
  const files = [...target.files];
  target.value = "";
  await take(files);
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  take([...event.dataTransfer.files]);
});
for (const part of document.querySelectorAll(".strength")) {
  slide(part);
  part.addEventListener("input", ({ target }) => {
    if (target.type === "range") part.querySelector(".auto").checked = false;
    slide(part);
  });
}
byId("panel-clean").addEventListener("change", foresee);
byId("do-clean").addEventListener("click", async () => {
  say("");
  await ask("POST", "clean", JSON.stringify(wished()));
});
byId("do-run").addEventListener("click", async () => {
  say("");
  await ask("POST", "run", chain());
});
byId("by").addEventListener("change", showSeparator);
byId("separator").addEventListener("change", () => depend(byId("separator")));
showSeparator();
byId("do-separate").addEventListener("click", async () => {
  say("");
  await ask("POST", "separate", JSON.stringify({ use: byId("by").value, ...values(byId("separator")) }));
});
for (const button of document.querySelectorAll(".cancel")) {
  button.addEventListener("click", () => ask("POST", "cancel"));
}
byId("begin").addEventListener("change", ({ target }) => {
  byId("stages").replaceChildren();
  for (const { use, ...given } of DATA.presets[target.value] ?? []) add(use, given);
  edited();
});
byId("add").addEventListener("click", () => {
  add(byId("stage").value);
  edited();
});
byId("save").addEventListener("click", save);
byId("list").append(made("p", {}, made("a", { id: "all", href: `${HERE}results`, download: "", hidden: "", class: "button" }, "Download all results")));

const events = new EventSource(`${HERE}events`);
events.addEventListener("message", ({ data }) => {
  const looked = (all) => all.filter(({ found }) => found.length).map(({ id }) => id).join();
  const before = looked(recordings);
  recordings = JSON.parse(data);
  show();
  if (looked(recordings) !== before) foresee();
});
events.addEventListener("error", () => {
  if (events.readyState === EventSource.CLOSED) say("This page was closed, or AURAL was ended; load the page again.");
});
addEventListener("pagehide", () => navigator.sendBeacon(`${HERE}close`));
addEventListener("pageshow", ({ persisted }) => { if (persisted) location.reload(); });
