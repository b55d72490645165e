"""The repairs: clipping, clicks, gaps, plosives and breaths made in voices and music that nothing was tuned on.

python benchmarks/repair.py                   about five minutes; needs ffmpeg, whose filters are the peers
python benchmarks/repair.py SOUNDS STATIC     published clips alone: the folder Sounds of rajmic/declipping2020_codes,
                                              and static of michalsvento/NLDistortionDiff, branch webpage

SDR gain is measured on the samples that were cut off, everything else as the tables say. Every stage finds by itself
what there is to mend.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import soundfile
from corpus import CORPUS, songs
from defects import lost_packets, pop_places, with_crackle, with_gaps, with_pops, with_ticks
from numpy.typing import NDArray
from report import table, write
from scipy.signal import butter, correlate, sosfilt

from aural import Block, Effect, Format
from aural.degrade.codec import Codec
from aural.learning.material import find, read
from aural.learning.metrics.distortion import si_sdr
from aural.learning.metrics.speech import estoi, pesq
from aural.measure.breaths import find_breaths
from aural.stages.repair.stage import Conceal, DeBreath, Declick, Declip, DePlosive

Audio = NDArray[np.float32]
Repair = Callable[[Audio], Audio]

RATE = 44100
CLIPS, SECONDS = 6, 5.0
CUT_CLIPS, CUT_S, PEER_DB = 4, 3.0, 7.0  # ffmpeg's filter needs minutes for a second that is clipped harder
BREATHS = 40  # voices, each with a breath of 0.2 to 0.6 s put in
CLEAN_S, SONG_S = 600.0, 60.0  # of each kind, and of each song, to look for harm in
KINDS = ("voices", "music")


def recordings(kind: str, count: int = CLIPS, seconds: float = SECONDS) -> Iterator[Audio]:
    """Read clean recordings of the test part, one of each group in turn, peaks at 0.9: shape (frames,)."""
    name = "speech" if kind == "voices" else "music"
    groups: dict[str, list[Audio]] = {}
    for clip in sorted(find(CORPUS / name, name, "test"), key=lambda clip: str(clip.path)):
        if clip.seconds >= seconds and (name == "music" or clip.snr_db >= 30):
            groups.setdefault(clip.group, []).append(clip)  # type: ignore[arg-type]
    found = 0
    for turn in range(max(map(len, groups.values()))):
        for clips in groups.values():
            if turn < len(clips) and found < count:
                audio = read(clips[turn], RATE)[: round(seconds * RATE)]  # type: ignore[arg-type]
                if audio.std() > 1e-3:
                    found += 1
                    yield np.asarray(0.9 * audio / np.abs(audio).max(), np.float32)


def filtered(name: str) -> Repair:
    """Return a filter of ffmpeg at its defaults, its delay taken out."""

    def run(audio: Audio) -> Audio:
        return aligned(through_ffmpeg(audio, "wav", "-af", name, "-c:a", "pcm_f32le"), audio)

    return run


def through_ffmpeg(audio: Audio, suffix: str, *options: str) -> Audio:
    """Write a file, let ffmpeg make another of it, and decode that."""
    with tempfile.TemporaryDirectory() as folder:
        source, made, back = (Path(folder) / name for name in ("in.wav", f"made.{suffix}", "back.wav"))
        soundfile.write(source, audio, RATE, "FLOAT")
        for before, behind, how in ((source, made, options), (made, back, ("-c:a", "pcm_f32le"))):
            subprocess.run(["ffmpeg", "-v", "error", "-i", before, *how, behind], check=True)
        out = soundfile.read(back, dtype="float32")[0]
    return np.pad(out, (0, max(0, audio.size - out.size)))[: audio.size]


def aligned(audio: Audio, reference: Audio) -> Audio:
    """Take out a delay of up to a tenth of a second."""
    products = correlate(audio, reference, "full")[audio.size - 1 - 4410 : audio.size + 4410]
    return np.roll(audio, 4410 - int(np.argmax(products)))


def ours(stage: Effect) -> Repair:
    return lambda audio: stage(audio, RATE)


def ratio_db(signal: Audio, noise: Audio) -> float:
    return float(10 * np.log10(np.sum(signal.astype(float) ** 2) / max(np.sum(noise.astype(float) ** 2), 1e-20)))


def cut(audio: Audio, sdr_db: float, shape: Callable[[Audio], Audio]) -> tuple[Audio, float]:
    """Clip a signal so hard that it has this SDR; return it and the level of the clipping."""
    low, high = 0.0, 2.0
    for _ in range(30):
        level = (low + high) / 2
        made = level * shape(audio / level)
        low, high = (level, high) if ratio_db(audio, audio - made) < sdr_db else (low, level)
    return np.asarray(made, np.float32), level


def declipping() -> str:
    peers = {"AURAL": ours(Declip()), "adeclip": filtered("adeclip")}
    hard = {f"hard, {sdr} dB": (float(sdr), lambda x: np.clip(x, -1, 1), 0) for sdr in (1, 3, 7, 10, 15)}
    others = {
        "soft (cubic), 10 dB": (10.0, lambda x: np.where(np.abs(x) < 1.5, x - 4 / 27 * x**3, np.sign(x)), 0),
        "soft (tanh), 10 dB": (10.0, np.tanh, 0),
        "hard, 7 dB, AAC 128 kbit/s": (7.0, lambda x: np.clip(x, -1, 1), 128),
        "hard, 10 dB, AAC 64 kbit/s": (10.0, lambda x: np.clip(x, -1, 1), 64),
    }
    rows = []
    for title, (sdr_db, shape, rate) in (hard | others).items():
        row = [title]
        for kind in KINDS:
            gains: dict[str, list[float]] = {name: [] for name in peers}
            marks: dict[str, list[tuple[float, float]]] = {name: [] for name in ("input", *peers)}
            for audio in recordings(kind, CUT_CLIPS, CUT_S):
                bad, level = cut(audio, sdr_db, shape)
                if rate:
                    bad = aligned(through_ffmpeg(bad, "m4a", "-c:a", "aac", "-b:a", f"{rate}k"), bad)
                wrong = np.abs(audio) >= 0.98 * level
                for name, repair in {"input": lambda x: x, **peers}.items():
                    if name == "adeclip" and sdr_db < PEER_DB:
                        continue
                    made = repair(bad)
                    if name in gains:
                        before, after = (ratio_db(audio[wrong], (x - audio)[wrong]) for x in (bad, made))
                        gains[name].append(after - before)
                    if kind == "voices":
                        marks[name].append((pesq(audio, made, RATE), estoi(audio, made, RATE)))
            row += [f"{np.mean(values):.1f}" if values else "-" for values in gains.values()]
            if kind == "voices":
                row += ["{:.2f} / {:.3f}".format(*np.mean(v, axis=0)) if v else "-" for v in marks.values()]
        rows.append(row)
    header = ["input SDR", "voices: AURAL", "adeclip", "PESQ / ESTOI: input", "AURAL", "adeclip",
              "music: AURAL", "adeclip"]  # fmt: skip
    return f"SDR gain in dB, mean of {CUT_CLIPS} voices and {CUT_CLIPS} pieces of music:\n\n{table(header, rows)}"


def declicking() -> str:
    peers = {"AURAL": ours(Declick()), "adeclick": filtered("adeclick")}
    made: dict[str, Callable[[Audio, np.random.Generator], Audio]] = {
        "ticks of 1 to 3 samples": lambda audio, rng: with_ticks(audio, RATE, 3, rng),
        "ticks of 1 to 12 samples": lambda audio, rng: with_ticks(audio, RATE, 12, rng),
        "clicks and crackle of a record": lambda audio, rng: with_crackle(audio, RATE, rng),
    }
    rows = []
    for title, spoil in made.items():
        for kind in KINDS:
            rng = np.random.default_rng(0)
            removed: dict[str, list[float]] = {name: [] for name in peers}
            for audio in recordings(kind):
                bad = spoil(audio, rng)
                for name, repair in peers.items():
                    removed[name].append(ratio_db(bad - audio, repair(bad) - audio))
            cells = (f"{np.mean(values):.1f} (median {np.median(values):.1f})" for values in removed.values())
            rows.append([f"{title}, {kind}", *cells])
    return "Error removed, in dB:\n\n" + table(["clicks", *peers], rows)


def concealing() -> str:
    rng, rows = np.random.default_rng(0), []
    codecs = {"": None, ", then MP3 64": Codec("mp3", 64000), ", then AAC 128": Codec("aac", 128000),
              ", then Opus 64": Codec("opus", 64000)}  # fmt: skip
    for share, (name, codec) in product((0.05, 0.1), codecs.items()):
        marks = []
        for audio in recordings("voices"):
            lost = [place for place in lost_packets(audio.size, RATE, share, rng) if place.start]
            zeros, again = with_gaps(audio, lost), audio.copy()
            for place in lost:
                again[place] = again[2 * place.start - place.stop : place.start]
            if codec:
                zeros, again = (codec.there_and_back(x[None], RATE)[0] for x in (zeros, again))
            marks.append([pesq(audio, made, RATE) for made in (zeros, again, Conceal()(zeros, RATE))])
        rows.append([f"{100 * share:.0f} %{name}", *(f"{mark:.2f}" for mark in np.mean(marks, axis=0))])
    header = ["packets of 20 ms lost", "zeros", "the last packet again", "AURAL"]
    return f"PESQ of {CLIPS} voices:\n\n{table(header, rows)}"


def speaking() -> str:
    rng = np.random.default_rng(0)
    removed, untouched, found, lengths = [], [], 0, 0
    for audio in recordings("voices"):
        bad, beside = with_pops(audio, RATE, 3.0, rng), np.ones(audio.size, np.bool_)
        for place in pop_places(audio.size, RATE):
            beside[place.start - RATE // 50 : place.stop + RATE // 20] = False
        made = DePlosive()(bad, RATE)
        removed.append(ratio_db(bad - audio, made - audio))
        untouched.append(ratio_db(bad[beside], (made - bad)[beside]))
    for audio in recordings("voices", BREATHS, SECONDS):
        half, length = audio.size // 2, round(rng.uniform(0.2, 0.6) * RATE)
        low = rng.uniform(300, 800)
        noise = sosfilt(
            butter(2, (low, low * rng.uniform(4, 7)), "band", fs=RATE, output="sos"), rng.standard_normal(length)
        )
        noise *= np.hanning(length) ** 0.7 * audio.std() * 10 ** rng.uniform(-1.1, -0.7) / noise.std()
        pause = np.concatenate([np.zeros(RATE // 4), noise, np.zeros(RATE // 4)])
        breathing = np.concatenate([audio[:half], pause, audio[half:]])
        breathing = (breathing + 3e-4 * audio.std() * rng.standard_normal(breathing.size)).astype(np.float32)
        place = slice(half + RATE // 4 + length // 8, half + RATE // 4 + length * 7 // 8)
        found += ratio_db(breathing[place], DeBreath()(breathing, RATE)[place]) >= 6
        lengths += 1
    touched, frames = 0.0, 0.0
    for audio in recordings("voices", 60, 3.0):
        breaths = find_breaths(audio[np.newaxis], RATE)
        touched += sum(breath.stop - breath.start for breath in breaths)
        frames += audio.size
    rows = [
        ["pop removed", f"{np.mean(removed):.1f} dB (median {np.median(removed):.1f})"],
        ["what is beside pops, against what was changed of it, median", f"{np.median(untouched):.0f} dB"],
        ["breaths lowered by 6 dB or more", f"{found} of {lengths}"],
        ["clean voices: share of the time taken for a breath", f"{100 * touched / frames:.2f} %"],
    ]
    return table(["plosives and breaths, made", "AURAL"], rows)


def harm() -> str:
    """Count clean recordings that a stage changes."""
    stages = {"declip": Declip(), "conceal": Conceal(), "declick": Declick(), "de-plosive": DePlosive()}
    rows = []
    clean = {
        "voices": recordings("voices", round(CLEAN_S / SECONDS)),
        "music": recordings("music", round(CLEAN_S), 1.0),
        "songs, mixed from stems": (audio for _, audio, _ in songs(RATE, SONG_S)),
    }
    for kind, found in clean.items():
        changed, count, seconds = dict.fromkeys(stages, 0), 0, 0.0
        for audio in found:
            count, seconds = count + 1, seconds + audio.size / RATE
            for name, stage in stages.items():
                if kind == "voices" or name != "de-plosive":
                    changed[name] += not np.array_equal(stage(audio, RATE), audio)
        cells = (f"{changed[name]}" if kind == "voices" or name != "de-plosive" else "-" for name in stages)
        rows.append([f"{kind}: {count} recordings, {seconds / 60:.1f} min", *cells])
    return "Clean recordings that nothing was tuned on and that are not returned bit for bit:\n\n" + table(
        ["", *stages], rows
    )


def speed() -> str:
    rng = np.random.default_rng(0)
    audio = np.stack([np.concatenate(list(recordings("voices"))) for _ in range(2)])
    levels = (cut(audio[0], snr_db, _clip)[1] for snr_db in (7, 20))
    heavy, light = (np.clip(audio, -level, level) for level in levels)
    lost = with_gaps(audio, lost_packets(audio.shape[1], RATE, 0.05, rng))
    damaged: dict[str, tuple[Effect, Block]] = {
        "declip, 7 dB": (Declip(), heavy), "declip, 20 dB": (Declip(), light), "conceal, 5 % lost": (Conceal(), lost),
        "declick, 2 ticks a second": (Declick(), np.stack([with_ticks(channel, RATE, 3, rng) for channel in audio])),
        "de-plosive": (DePlosive(), audio), "de-breath": (DeBreath(), audio),
    }  # fmt: skip
    rows = [[name, *(f"{x:.0f} x" for x in (_speed(stage, bad), _speed(stage, audio)))]
            for name, (stage, bad) in damaged.items()]  # fmt: skip
    header = ["stereo, 44.1 kHz, first pass included", "damaged, real time", "clean, real time"]
    return table(header, rows)


def published(sounds: Path, static: Path) -> str:
    """Judge declipping by the recordings of a survey, and by voices and guitars that were published clipped."""
    sdrs_db = (1.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0)
    gains = []
    for path in sorted(sounds.glob("*.wav")):
        audio, rate = soundfile.read(path, dtype="float32")
        bad = [cut(audio, sdr_db, _clip)[0] for sdr_db in sdrs_db]
        gains.append([ratio_db(audio, Declip()(x, rate) - audio) - ratio_db(audio, x - audio) for x in bad])
    survey = table(["input SDR", *(f"{sdr_db:.0f} dB" for sdr_db in sdrs_db)],
                   [["SDR gain in dB", *(f"{gain:.1f}" for gain in np.mean(gains, axis=0))]])  # fmt: skip
    return (
        f"The {len(gains)} recordings of the survey by Zaviska and others (SQAM), clipped; gain over the whole of "
        f"each:\n\n{survey}\n\nFour voices and five guitars of M. Svento and others, as they are published, clipped, "
        f"and restored by A-SPADE and by the network DDD. SI-SDR in dB; of voices also PESQ and ESTOI.\n\n"
        + table(["clips", "input", "AURAL", "A-SPADE", "DDD"], list(_demo(static)))
    )


def _demo(static: Path) -> Iterator[list[str]]:
    for kind, shape, sdr in product(("speech", "guitar"), ("hardclip", "softclip"), ("1db", "3db", "7db")):
        folder = static / kind / shape / sdr
        marks: dict[str, list[list[float]]] = {}
        for path in sorted((folder / "original").glob("*.wav")):
            audio, rate = soundfile.read(path, dtype="float32")
            bad = Path("clipped", path.name) if kind == "speech" else Path("degraded", path.name.replace("x_", "y_"))
            made = {"input": soundfile.read(folder / bad, dtype="float32")[0]}
            made["AURAL"] = Declip()(made["input"], rate)
            others = (folder / name / path.name for name in ("aspade", "DDD"))
            made |= {file.parent.name: soundfile.read(file, dtype="float32")[0] for file in others if file.exists()}
            for name, whole in made.items():
                reference, out = audio[: whole.size], whole[: audio.size]  # some were published longer than others
                values = [si_sdr(reference, out, rate)]
                if kind == "speech":
                    values += [pesq(reference, out, rate), estoi(reference, out, rate)]
                marks.setdefault(name, []).append(values)
        forms = ("{:.1f} / {:.2f} / {:.3f}", "{:.1f}")
        cells = (
            np.mean(marks[name], axis=0) if name in marks else () for name in ("input", "AURAL", "aspade", "DDD")
        )
        yield [
            f"{kind}, {shape}, {sdr}",
            *(forms[len(mean) == 1].format(*mean) if len(mean) else "-" for mean in cells),
        ]


def _clip(audio: Audio) -> Audio:
    return np.clip(audio, -1, 1)


def _speed(stage: Effect, audio: Block) -> float:
    took = []
    for _ in range(2):
        start = time.process_time()
        for _ in stage.render([audio], Format(RATE, len(audio))).blocks:
            pass
        took.append(time.process_time() - start)
    return audio.shape[1] / RATE / min(took)


def main() -> None:
    if len(sys.argv) > 1:
        sounds, static = map(Path, sys.argv[1:])
        write("Repair: published clips", "repair.py SOUNDS STATIC", published(sounds, static))
        return
    parts: Iterable[Callable[[], str]] = (declipping, declicking, concealing, speaking, harm, speed)
    write("Repair: clipping, clicks, gaps, plosives and breaths", "repair.py", "\n\n".join(part() for part in parts))


if __name__ == "__main__":
    main()
