"use strict";
// Versions of one recording that play together, of which one is heard: to switch is to turn gains, so the position
// stays to the sample, and a ramp of 10 ms leaves no click. Versions have equal lengths and sample rates.

const RAMP_S = 0.01;
const SAMPLE_RATE = 48000;

class Player {
  constructor(context) {
    this.context = context;
    this.versions = new Map(); // name: {buffer, gain, node}
    this.chosen = null;
    this.matched = true;
    this.sources = [];
    this.offset = 0; // in seconds, where it stands while it does not play
    this.loop = null; // [from, to] in seconds
  }

  // versions: {name: {buffer, gain_db}}; the gain makes them equally loud.
  load(versions) {
    this.pause();
    for (const { node } of this.versions.values()) node.disconnect();
    this.versions.clear();
    for (const [name, { buffer, gain_db }] of Object.entries(versions)) {
      const node = this.context.createGain();
      node.connect(this.context.destination);
      this.versions.set(name, { buffer, gain: 10 ** (gain_db / 20), node });
    }
    if (!this.versions.has(this.chosen)) this.chosen = Object.keys(versions)[0];
    this.offset = 0;
    this.loop = null;
    this.turn(this.context.currentTime, 0);
  }

  get duration() {
    return Math.max(0, ...[...this.versions.values()].map(({ buffer }) => buffer.duration));
  }

  get playing() {
    return this.sources.length > 0;
  }

  get position() {
    if (!this.playing) return this.offset;
    const gone = this.offset + Math.max(0, this.context.currentTime - this.begun);
    if (!this.loop || gone < this.loop[1]) return Math.min(gone, this.duration);
    const [from, to] = this.loop;
    return from + ((gone - from) % (to - from));
  }

  play(when = this.context.currentTime) {
    if (this.playing) return;
    if (this.loop && (this.offset < this.loop[0] || this.offset >= this.loop[1])) this.offset = this.loop[0];
    if (this.offset >= this.duration) this.offset = 0;
    this.begun = when;
    this.sources = [...this.versions.values()].map(({ buffer, node }) => {
      const source = this.context.createBufferSource();
      source.buffer = buffer;
      source.connect(node);
      if (this.loop) [source.loop, source.loopStart, source.loopEnd] = [true, ...this.loop];
      source.start(when, this.offset);
      return source;
    });
    const [first] = this.sources;
    if (first) first.onended = () => { if (this.sources[0] === first) this.pause(); };
  }

  pause() {
    this.offset = this.position;
    for (const source of this.sources) source.stop();
    this.sources = [];
  }

  seek(seconds) {
    const playing = this.playing;
    this.pause();
    this.offset = Math.max(0, Math.min(seconds, this.duration));
    if (playing) this.play();
  }

  // Repeat from one second to another; without them, play on to the end.
  repeat(from, to) {
    const playing = this.playing;
    this.pause();
    this.loop = to > from ? [Math.max(0, from), Math.min(to, this.duration)] : null;
    if (playing) this.play();
  }

  choose(name, when = this.context.currentTime) {
    if (!this.versions.has(name)) return;
    this.chosen = name;
    this.turn(when);
  }

  match(matched, when = this.context.currentTime) {
    this.matched = matched;
    this.turn(when);
  }

  turn(when, ramp_s = RAMP_S) {
    for (const [name, version] of this.versions) {
      const { node, gain } = version;
      const wanted = name === this.chosen ? (this.matched ? gain : 1) : 0;
      node.gain.cancelScheduledValues(when);
      node.gain.setValueAtTime(version.now ?? wanted, when);
      node.gain.linearRampToValueAtTime(wanted, when + ramp_s);
      version.now = wanted;
    }
  }
}

// Decode clips, {name: {base64, gain_db}}, to what Player.load takes.
async function decoded(context, clips) {
  const versions = {};
  await Promise.all(Object.entries(clips).map(async ([name, { base64, gain_db }]) => {
    const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
    versions[name] = { buffer: await context.decodeAudioData(bytes.buffer), gain_db };
  }));
  return Object.fromEntries(Object.keys(clips).map((name) => [name, versions[name]]));
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;

// For every key that is meant for the page, and for no field or button, call what `handlers` gives for it. A button
// that was clicked with a mouse gives its focus back, so that space plays on.
function onKeys(handlers) {
  document.addEventListener("click", (event) => {
    if (event.detail > 0) event.target.closest("button")?.blur();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=range]), select, textarea")) return;
    const handler = handlers()[event.key];
    if (!handler || (event.key === " " && event.target.closest("button, summary, a"))) return;
    event.preventDefault();
    handler();
  });
}
