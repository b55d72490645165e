"""Evaluates a chain fitted to pairs: how close its output comes to the target recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from aural.chainfile import read_chain
from aural.dsp.decibels import db_to_gain, db_to_power
from aural.errors import AudioError, ParameterError
from aural.learning.evaluation import Case, Evaluation, Sample, System, through, unchanged
from aural.learning.metrics.metric import Audio, Metric
from aural.learning.pairs import matched, pair
from aural.measure.loudness import PIECES, SILENCE_LUFS, LoudnessMeter, lufs_to_power
from aural.parameters import param
from aural.signals import Format

Floats = NDArray[np.float64]

WINDOW_S = 0.4  # of momentary loudness, and of the crest factor
GATE_DB = 40.0  # below the mean of the reference; softer windows do not count
FLOOR = 1e-6  # of the mean power of the reference; lower powers count as silence
SILENT = 1e-12  # lowest power, which silence counts as
RESOLUTIONS_S = (0.01, 0.02, 0.04)
THIRDS_HZ = 1000 * 2 ** (np.arange(-13, 13) / 3)  # 50 Hz to 16 kHz


def level(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Measure by how many LU the mean K-weighted power of the estimate is off, up or down.

    The mean is over the momentary windows (0.4 s, every 0.1 s) in which the reference lies above -70 LUFS and no
    more than 40 dB below its own mean.
    """
    return abs(_gap_lu(*_loud(reference, estimate, sample_rate)))


def loudness_curve(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Measure the mean absolute difference of momentary loudness in LU, once levels are matched; windows as above."""
    target, found = _loud(reference, estimate, sample_rate)
    return float(np.abs(_db(found) - _db(target) - _gap_lu(target, found)).mean())


def crest_factor(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Measure the mean absolute difference in dB of the crest factors (peak over RMS) of windows of 0.4 s.

    Windows count where the reference is no more than 40 dB below its mean power. Level does not matter.
    """
    target, found = (_windows(audio, round(WINDOW_S * sample_rate)) for audio in (reference, estimate))
    powers = np.square(target).mean(-1)
    counts = powers >= powers.mean() * db_to_power(-GATE_DB)
    crests = [_db(np.square(x).max(-1)) - _db(np.square(x).mean(-1)) for x in (target[counts], found[counts])]
    return float(np.abs(crests[0] - crests[1]).mean())


def spectrum(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Measure the mean absolute difference in dB of long-term levels in third octaves, once levels are matched.

    Bands from 50 Hz to 16 kHz, as far as the rate reaches, count where the reference has no less than a millionth of
    its power in them.
    """
    turn = np.fft.rfftfreq(_size(0.1, sample_rate), 1 / sample_rate)
    bands = (turn >= THIRDS_HZ[:, None] * 2 ** (-1 / 6)) & (turn < THIRDS_HZ[:, None] * 2 ** (1 / 6))
    means = [
        _spectra(audio, 0.1, sample_rate).mean(0) for audio in (reference, _matched(reference, estimate, sample_rate))
    ]
    target, found = (bands[bands.any(1)] @ mean for mean in means)
    counts = target > FLOOR * target.sum()
    return float(np.abs(_db(found[counts]) - _db(target[counts])).mean())


def mr_stft(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Measure the multi-resolution distance of spectra in dB, once levels are matched.

    mean over windows of 10, 20 and 40 ms (Hann, a quarter apart), frames and bins of |10 log10 (R + c) / (E + c)|,
    where R and E are powers and c is 60 dB below the mean of R.
    """
    matched_level = _matched(reference, estimate, sample_rate)
    distances = []
    for seconds in RESOLUTIONS_S:
        target, found = (_spectra(audio, seconds, sample_rate) for audio in (reference, matched_level))
        c = FLOOR * target.mean()
        distances.append(np.abs(_db(target + c) - _db(found + c)).mean())
    return float(np.mean(distances))


@dataclass(frozen=True, kw_only=True)
class DynamicCompressionEvaluation(Evaluation):
    """Evaluate how close a chain brings recordings to their targets: level, loudness curve, crest factor, spectra.

    A constant delay of a pair is measured by cross-correlation and compensated.

    Raises:
        ParameterError: besides ranges, a folder is not given.
    """

    title: ClassVar[str] = "Dynamic compression"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("level", "LU", 2, False, level),
        Metric("loudness curve", "LU", 2, False, loudness_curve),
        Metric("crest factor", "dB", 2, False, crest_factor),
        Metric("spectrum", "dB", 2, False, spectrum),
        Metric("MR-STFT", "dB", 2, False, mr_stft),
    )
    input: str = param("", "Folder of unprocessed recordings")
    target: str = param("", "Folder of the processed versions: same names, sample rates and lengths; its "
                        "subfolders are kinds of material")  # fmt: skip
    chain: str | None = param(
        None, "Chain to evaluate: a .toml file or the name of a preset", examples=("run/chain.toml",)
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("input", "target"):
            if not getattr(self, name):
                raise ParameterError(f"{name} must name a folder of audio", stage="evaluation", parameter=name)

    def systems(self) -> Mapping[str, System]:
        return {"input": unchanged} | ({"chain": partial(through, read_chain(self.chain))} if self.chain else {})

    def cases(self) -> Sequence[Case]:
        return [Case(name, partial(sample, name, *files)) for name, *files in matched(self.target, self.input)]

    def notes(self) -> Sequence[str]:
        return ["Differences from the target, so 0 is best; all but the level are measured with levels matched."]


def sample(name: str, target: Path, input: Path) -> Sample:
    """Read a pair in time."""
    found = pair(name, input, target)
    before, after = found.read()
    kind = Path(name).parent.name or "all"
    return Sample(name, before, after, found.sample_rate, {"recordings": kind})


def _loud(reference: Audio, estimate: Audio, sample_rate: int) -> tuple[Floats, Floats]:
    """Return the momentary K-weighted powers of both where the reference counts.

    Raises:
        AudioError: it is silent, or shorter than a window.
    """
    size = round(WINDOW_S * PIECES)
    powers = []
    for audio in (reference, estimate):
        meter = LoudnessMeter(Format(sample_rate, 1))
        meter.update(audio[None])
        pieces = meter.powers
        if len(pieces) < size:
            raise AudioError(f"is shorter than {WINDOW_S:g} s")
        powers.append(np.convolve(pieces, np.full(size, 1 / size), "valid")[:: PIECES // 10])
    target, found = powers
    loud = target > lufs_to_power(SILENCE_LUFS)
    if not loud.any():
        raise AudioError("the reference is silent")
    counts = loud & (target >= target[loud].mean() * db_to_power(-GATE_DB))
    return target[counts], found[counts]


def _gap_lu(target: Floats, found: Floats) -> float:
    return float(_db(found.mean()) - _db(target.mean()))


def _matched(reference: Audio, estimate: Audio, sample_rate: int) -> Floats:
    """Return the estimate at the level of the reference."""
    gap_lu = _gap_lu(*_loud(reference, estimate, sample_rate))
    return estimate.astype(np.float64) * db_to_gain(-gap_lu)


def _windows(audio: Audio, size: int) -> Floats:
    padded = np.pad(audio.astype(np.float64), (0, max(0, size - len(audio))))
    return padded[: len(padded) // size * size].reshape(-1, size)


def _size(seconds: float, sample_rate: int) -> int:
    return 4 * round(seconds * sample_rate / 4)


def _spectra(audio: NDArray[np.floating], seconds: float, sample_rate: int) -> Floats:
    size = _size(seconds, sample_rate)
    padded = np.pad(np.asarray(audio, np.float64), (0, max(0, size - len(audio))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 4]
    return np.square(np.abs(np.fft.rfft(frames * np.hanning(size + 1)[:-1])))


def _db(power: Floats | float) -> Floats:
    return np.asarray(10 * np.log10(np.maximum(power, SILENT)))
