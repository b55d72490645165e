"""Mastering beside ffmpeg's loudnorm in two passes, and to a reference beside matchering where it is installed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from corpus import CORPUS
from report import side_by_side, table, write

from aural import Block, Format
from aural.audio.files import read
from aural.measure.loudness import LoudnessMeter
from aural.measure.spectrum import BANDS_HZ
from aural.measure.true_peak import TruePeakMeter
from aural.stages.mastering.balance import Balance

PAIRS = (("ancientbeast", "superpowers"), ("superpowers", "unknown_horizons"), ("unknown_horizons", "openclonk"))
RATE, MINUTES = 44100, 5
HEARD = (BANDS_HZ > 50) & (BANDS_HZ < 14000)
WANTED_LUFS = -9  # so loud that the limiter has to work
LOUDNORM = f"loudnorm=I={WANTED_LUFS}:TP=-1:LRA=20"


def songs(folder: str, least_s: float = 45.0) -> list[Path]:
    """List the longer pieces of a collection."""
    return [
        file for file in sorted((CORPUS / "music" / folder).rglob("*.*")) if soundfile.info(file).duration > least_s
    ]


def stereo(path: Path, seconds: float) -> Block:
    """Read the beginning of a piece as stereo at 44.1 kHz, round and round where it is too short."""
    import soxr

    audio, sample_rate = read(path)
    audio = soxr.resample(audio.T, sample_rate, RATE).T if sample_rate != RATE else audio
    rounds = -(-round(seconds * RATE) // audio.shape[-1])
    return np.tile(audio[[0, -1]], rounds)[:, : round(seconds * RATE)].astype(np.float32)


def save(path: Path, audio: Block) -> Path:
    soundfile.write(path, audio.T, RATE, subtype="PCM_24")
    return path


def aural(*arguments: object) -> None:
    main = "import sys; from aural.cli.main import main; sys.argv[0] = 'aural'; main()"
    subprocess.run([sys.executable, "-c", main, *map(str, arguments)], check=True, capture_output=True)


def loudnorm(source: Path, target: Path) -> None:
    """Measure with ffmpeg, then normalise with what was measured, at the file's own rate again."""
    first = [
        "ffmpeg",
        "-hide_banner",
        "-nostats",
        "-i",
        source,
        "-af",
        f"{LOUDNORM}:print_format=json",
        "-f",
        "null",
        "-",
    ]
    said = subprocess.run(first, capture_output=True, text=True, check=True).stderr
    found = json.loads(re.findall(r"\{[^{}]+\}", said)[-1])
    names = {"measured_I": "input_i", "measured_TP": "input_tp", "measured_LRA": "input_lra",
             "measured_thresh": "input_thresh", "offset": "target_offset"}  # fmt: skip
    given = ":".join([LOUDNORM, *(f"{name}={found[key]}" for name, key in names.items())])
    second = [
        "ffmpeg",
        "-hide_banner",
        "-nostats",
        "-y",
        "-i",
        source,
        "-af",
        given,
        "-ar",
        str(RATE),
        "-c:a",
        "pcm_s24le",
    ]
    subprocess.run([*second, target], capture_output=True, check=True)


def levels(path: Path) -> tuple[float, float]:
    """Return loudness and true peak of a file."""
    audio, sample_rate = read(path)
    loudness, peak = (meter(Format(sample_rate, len(audio))) for meter in (LoudnessMeter, TruePeakMeter))
    loudness.update(audio)
    peak.update(audio)
    return loudness.compute().integrated_lufs, peak.compute()


def distance(path: Path, reference: Path) -> list[str]:
    """Say how far a file is from its reference: loudness, spectrum in third octaves at one level, width; its peak."""
    balances = []
    for file in (path, reference):
        audio, sample_rate = read(file)
        balances.append(Balance.of([audio], Format(sample_rate, 2)))
    own, aim = balances
    apart = 10 * np.log10((own.powers[HEARD] + 1e-20) / (aim.powers[HEARD] + 1e-20))
    spectrum = float(np.sqrt(np.mean((apart - apart.mean()) ** 2)))
    wider = 10 * np.log10((own.width() + 1e-6) / (aim.width() + 1e-6))
    (lufs, dbtp), (aimed, _) = levels(path), levels(reference)
    return [f"{lufs - aimed:+.1f}", f"{spectrum:.1f}", f"{wider:+.1f}", f"{dbtp:+.1f}"]


def matchering(source: Path, reference: Path, target: Path) -> None:
    import matchering as mg

    mg.process(target=str(source), reference=str(reference), results=[mg.pcm24(str(target))])


def normalised(folder: Path) -> str:
    source = save(folder / "long.wav", 2 * stereo(songs("superpowers")[0], 60 * MINUTES))
    runs: dict[str, Callable[[], object]] = {
        "aural": lambda: aural("master", source, folder / "aural.wav", "--target-lufs", WANTED_LUFS, "-f"),
        "ffmpeg": lambda: loudnorm(source, folder / "ffmpeg.wav"),
    }
    seconds = side_by_side(runs, 3)
    rows = [
        [name, f"{seconds[name]:.1f}", f"{60 * MINUTES / seconds[name]:.0f}",
         *(f"{value:.2f}" for value in levels(folder / f"{name}.wav"))]
        for name in runs
    ]  # fmt: skip
    ratio = seconds["ffmpeg"] / seconds["aural"]
    head = ["", "seconds", "times real time", f"LUFS (wanted: {WANTED_LUFS})", "dBTP (wanted: -1)"]
    why = (
        "The goal was 5: where the limiter works, the gain in front of it is found by running it over the file again "
        "and again until the loudness is right, which `loudnorm` does not do."
    )
    said = f"`aural master` is {ratio:.1f} times as fast, start of the program included. {why}"
    return f"{table(head, rows)}\n\n{said}"


def referenced(folder: Path) -> str:
    rows = []
    for first, second in PAIRS:
        source = save(folder / "source.wav", stereo(songs(first)[0], 60))
        reference = save(folder / "reference.wav", stereo(songs(second)[0], 60))
        name = f"{first} like {second}"
        rows.append([name, "as it was", *distance(source, reference)])
        aural("master", source, folder / "aural.wav", "--reference", reference, "-f")
        rows.append([name, "aural master --reference", *distance(folder / "aural.wav", reference)])
        try:
            matchering(source, reference, folder / "matchering.wav")
        except ImportError:
            continue
        rows.append([name, "matchering", *distance(folder / "matchering.wav", reference)])
    return table(["pair", "", "loudness, LU", "spectrum, dB", "width, dB", "true peak, dBTP"], rows)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        normal, like = normalised(Path(folder)), referenced(Path(folder))
    write(
        "Mastering",
        "mastering.py",
        f"""To {WANTED_LUFS} LUFS and -1 dBTP, a WAV file of {MINUTES} minutes, stereo, 44.1 kHz, median of three,
in turn, all cores; ffmpeg's `loudnorm` in two passes, at the file's rate again:

{normal}

To a reference, 60 s of music each; differences from the reference: loudness, root mean square over third octaves from
50 Hz to 14 kHz at equal level, difference of the channels against their sum:

{like}

`aural` bends its curve within 12 dB, so that a spectrum further away than that is not reached; matchering has no such
limit. matchering (GPL) is no dependency: `pip install matchering` for its rows.""",
    )


if __name__ == "__main__":
    main()
