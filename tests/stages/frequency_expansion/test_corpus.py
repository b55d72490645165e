"""On real recordings: what comes out is nearer to the original than what went in, and the figures say so."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from recordings import CORPUS, ROOT, needs_corpus
from scipy.signal import firwin, oaconvolve

from aural.learning.material import find, read
from aural.learning.metrics.distortion import lsd
from aural.stages.frequency_expansion.stage import FrequencyExpansion

RATE = 48000
VOICES = ("megaglest-indian", "es-hearthis", "fr-hearthis", "en-watson1", "zh-uberi", "en-northwind")
"""Of the voices of benchmarks/frequency_expansion.py, as are the telephones: no training uses them."""


def chosen(folder: str) -> list[tuple[np.ndarray, float]]:
    """Read three seconds each of some recordings that end at 20 kHz or above, and up to where they are full."""
    clips = [clip for clip in find(CORPUS / folder, folder.partition("_")[0]) if clip.bandwidth_hz >= 20000]
    groups = sorted({clip.group for clip in clips})
    if folder == "music":
        clips = [clip for clip in find(CORPUS / folder, folder, "test") if clip.bandwidth_hz >= 20000]
        groups = sorted({clip.group for clip in clips})[::3]
    wanted = {"speech_fullband": VOICES, "speech_phone": groups[4::12], "music": groups[:6]}[folder]
    first = {clip.group: clip for clip in reversed(clips) if clip.group in wanted and clip.seconds >= 1.5}
    return [(read(clip, RATE)[: 3 * RATE], min(24000.0, clip.bandwidth_hz)) for clip in first.values()]


@needs_corpus
@pytest.mark.corpus
@pytest.mark.parametrize("cutoff_hz", [2000.0, 4000.0, 8000.0])
@pytest.mark.parametrize("folder", ["speech_fullband", "speech_phone", "music"])
def test_what_comes_out_is_nearer_to_the_original(folder: str, cutoff_hz: float) -> None:
    before: list[float] = []
    after: list[float] = []
    for audio, top_hz in chosen(folder):
        low = np.asarray(soxr.resample(audio, RATE, 2 * cutoff_hz), np.float32)
        cut = np.asarray(oaconvolve(audio, firwin(1201, cutoff_hz, fs=RATE), mode="same"), np.float32)
        plain = np.asarray(soxr.resample(low, 2 * cutoff_hz, RATE), np.float32)
        for given, rate, same in ((low, int(2 * cutoff_hz), plain), (cut, RATE, cut)):
            made = FrequencyExpansion()(given[None], rate)[0]
            for found, heard in ((before, same), (after, made)):
                heard = np.pad(heard, (0, max(0, len(audio) - len(heard))))[: len(audio)]
                found.append(lsd(audio, heard, RATE, (0.0, top_hz)))
    assert len(before) >= 6
    assert np.mean(after) < np.mean(before)


@pytest.mark.parametrize("title", ["recordings as they are", "codecs"])
def test_no_set_of_the_benchmark_comes_out_farther_from_the_original(title: str) -> None:
    section = (ROOT / "benchmarks.md").read_text().split(f"## Frequency expansion: {title}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("|")]
    compared = 0
    for row in rows:
        if "---" in row:
            continue
        if "recordings" in row:
            names = [name.removeprefix("LSD, ") for name in row]
            continue
        if {"input", "envelope"} <= set(names):
            figures = dict(zip(names, row, strict=True))
            assert float(figures["envelope"]) <= float(figures["input"]), row
            compared += 1
    assert compared >= 9
