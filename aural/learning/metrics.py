"""Metrics: how close an estimate is to a reference.

Each but those of stems takes one channel, shape (frames,), the reference first, of equal length and in time to the
frame: none of them looks for a delay, but PESQ, which finds the delay of each utterance. A silent or empty reference
is refused; a silent estimate gets the lowest score.

References:
    [1] ITU-T P.862.2: Wideband extension to Recommendation P.862, 2007.
    [2] Jensen, Taal: An algorithm for predicting the intelligibility of speech masked by modulated noise maskers.
        IEEE/ACM Trans. ASLP 24(11), 2016.
    [3] Le Roux, Wisdom, Erdogan, Hershey: SDR - half-baked or well done? ICASSP 2019.
    [4] Gray, Markel: Distance measures for speech processing. IEEE Trans. ASSP 24(5), 1976.
    [5] Reddy, Gopal, Cutler: DNSMOS P.835. ICASSP 2022.
    [6] Stöter, Liutkus, Ito: The 2018 signal separation evaluation campaign. LVA/ICA 2018 (museval, BSSEval v4).
    [7] Steinmetz, Reiss: pyloudnorm: A simple yet flexible loudness meter in Python. AES 150, 2021.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aural.dsp.decibels import db_to_power
from aural.errors import AudioError, AuralError
from aural.signals import Block, Format

Audio = NDArray[np.float32]
"""One channel, shape (frames,)."""
Measure = Callable[[Audio, Audio, int], float]
"""Reference, estimate and sample rate in Hz to a figure."""
Together = Callable[[Block, Block, Block, int], float]
"""Reference, estimate, input, each (channels, frames), and sample rate in Hz to a figure; NaN for none."""
OfTakes = Callable[[Sequence[Block], Block, int], float]
"""Several takes, the input, each (channels, frames), and sample rate in Hz to a figure; NaN for none."""
Power = NDArray[np.float64]
"""Power spectra, shape (frames, bins)."""

SPEECH_RATE = 16000  # of PESQ and DNSMOS
PESQ_LOWEST, PESQ_LONGEST_S = 1.04, 20
DNSMOS_WINDOW = int(9.01 * SPEECH_RATE)
DNSMOS_SCALE = (-0.06766283, 1.11546468, 0.04602535)  # polynomial from the network's output to a rating
LEAK_S, LEAK_DB, LEAST_LEAK = 0.1, 50.0, 1e-12
LSD_WINDOW_S = 2048 / 48000
LSD_OVERLAP = 4
LOST_DB = 12.0
SPREAD_HZ, SPREAD_FRAMES, RAISED_DB = 1000.0, 8, 1.0
LSD_FLOOR = 1e-6  # at a listening level of 85 dB this is about the threshold of hearing


@dataclass(frozen=True)
class Metric:
    """A metric as a table shows it."""

    name: str
    unit: str
    decimals: int
    rising: bool
    """Whether higher is better."""
    measure: Measure | Together | OfTakes
    optional: bool = False
    """Whether it is left out, with a note, where it cannot be measured."""
    together: bool = False
    """Measured over all channels together and beside what was heard, not as the mean over channels."""
    of_takes: bool = False
    """Measured between the takes of a recording; a single one has none."""

    def of(self, reference: Block, estimate: Block, heard: Block, sample_rate: int) -> float:
        """Measure an estimate; all are (channels, frames).

        Raises:
            AuralError: it cannot be measured here.
            AudioError: it cannot be measured on this reference.
        """
        if self.of_takes:
            return float("nan")
        if self.together:
            return self.measure(reference, estimate, heard, sample_rate)  # type: ignore[call-arg, arg-type]
        pairs = zip(reference, estimate, strict=True)
        figures = [self.measure(*pair, sample_rate) for pair in pairs]  # type: ignore[call-arg, arg-type]
        return float(np.mean(figures))

    def between(self, takes: Sequence[Block], heard: Block, sample_rate: int) -> float:
        """Measure how takes differ, if it is such a metric."""
        return self.measure(takes, heard, sample_rate) if self.of_takes else float("nan")  # type: ignore[call-arg, arg-type]

    @property
    def title(self) -> str:
        """Name and unit."""
        return f"{self.name} {self.unit}".strip()


def pesq(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Predict how listeners would rate the quality of speech, from 1.04 to 4.64 (MOS-LQO, wide band [1]).

    Measured at 16 kHz; what lies above 8 kHz is not heard. Aligns level and delay itself. The method is for some ten
    seconds and the package for fifty utterances: longer recordings get the mean over equal pieces of at most 20 s,
    those without speech left out.

    Raises:
        AudioError: the reference holds no speech, or is shorter than 0.25 s.
        AuralError: the package is missing.
    """
    package = _package("pesq")
    reference, estimate = (_resampled(audio, sample_rate) for audio in _checked(reference, estimate))
    count = -(-reference.size // (PESQ_LONGEST_S * SPEECH_RATE))
    scores, why = [], "no speech"
    for clean, found in zip(np.array_split(reference, count), np.array_split(estimate, count), strict=True):
        if not clean.any():
            continue
        try:
            scores.append(package.pesq(SPEECH_RATE, clean, found, "wb") if found.any() else PESQ_LOWEST)
        except package.PesqError as error:
            why = error.args[0].decode()
    if not scores:
        raise AudioError(f"PESQ cannot be measured: {why}")
    return float(np.mean(scores))


def estoi(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Predict how much of the speech is understood, about 0 to 1 (extended STOI [2]).

    Measured at 10 kHz on frames within 40 dB of the loudest of the reference. Level does not matter.

    Raises:
        AudioError: the reference holds less than 0.4 s of speech.
        AuralError: the package is missing.
    """
    package = _package("pystoi")
    reference, estimate = _checked(reference, estimate)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Not enough STFT frames", RuntimeWarning)
        try:
            return float(package.stoi(reference, estimate, sample_rate, extended=True))
        except RuntimeWarning as error:
            raise AudioError("ESTOI cannot be measured: less than 0.4 s of speech") from error


def si_sdr(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Measure the signal-to-distortion ratio in dB, at the signal's own rate [3].

    10 log10 |a r|^2 / |e - a r|^2 with a = <e, r> / <r, r>. No mean is taken out. Level and polarity do not matter;
    infinite for an estimate that is the reference, minus infinity for silence.

    Raises:
        AudioError: as above.
    """
    r, e = (audio.astype(np.float64) for audio in _checked(reference, estimate))
    if not e.any():
        return -np.inf
    target = np.dot(e, r) / np.dot(r, r) * r
    with np.errstate(divide="ignore"):
        return float(10 * (np.log10(np.sum(target**2)) - np.log10(np.sum((e - target) ** 2))))


def lsd(reference: Audio, estimate: Audio, sample_rate: int, band_hz: tuple[float, float] = (0.0, np.inf)) -> float:
    """Measure the log-spectral distance in dB, at the signal's own rate; 0 is best [4]. AURAL has no other.

    mean over frames of sqrt(mean over bins of (10 log10 (R + c) / (E + c))^2), where R and E are power spectra under
    a Hann window of 42.7 ms (2048 frames at 48 kHz) with a hop of a quarter, E after the estimate was scaled by
    the gain <r, e> / <e, e> that brings it nearest to the reference, and c is 60 dB below the mean of R: what lies
    deeper counts as silence, in both.

    Args:
        band_hz: where bins count, for the mean of R too; the whole band if not given.

    Raises:
        AudioError: as above.
    """
    r, e = (audio.astype(np.float64) for audio in _checked(reference, estimate))
    gain = np.dot(r, e) / np.dot(e, e) if e.any() else 0.0
    powers = [_power(audio, sample_rate) for audio in (r, gain * e)]
    hz = np.linspace(0, sample_rate / 2, powers[0].shape[1])
    clean, found = (power[:, (hz >= band_hz[0]) & (hz < band_hz[1])] for power in powers)
    c = LSD_FLOOR * clean.mean()
    distance = 10 * np.log10((clean + c) / (found + c))
    return float(np.sqrt(np.mean(distance**2, axis=1)).mean())


def lsd_of_lost(reference: Block, estimate: Block, heard: Block, sample_rate: int) -> float:
    """Measure the log-spectral distance in dB over the bins that what is heard has lost: as `lsd`, over the bins in
    which it lies 12 dB or more below the reference; NaN where it has lost none. Nothing is scaled."""
    distances = []
    for channel in zip(reference, estimate, heard, strict=True):
        clean, found, given = (_power(audio.astype(np.float64), sample_rate) for audio in channel)
        c = LSD_FLOOR * clean.mean() + 1e-20
        lost = (clean + c) / (given + c) > db_to_power(LOST_DB)
        squares = np.where(lost, 10 * np.log10((clean + c) / (found + c)), 0) ** 2
        frames = lost.any(axis=1)
        distances += list(np.sqrt(squares[frames].sum(axis=1) / lost[frames].sum(axis=1)))
    return float(np.mean(distances)) if distances else float("nan")


def spread_of_takes(takes: Sequence[Block], heard: Block, sample_rate: int) -> float:
    """Measure the standard deviation in dB of the level between takes, where they have raised it.

    Levels are those of tiles of 1 kHz and 85 ms; those count in which the mean of the takes lies 1 dB or more above
    what is heard. NaN where there is none.
    """
    powers = np.array([_tiles(take, sample_rate) for take in (heard, *takes)])
    levels = 10 * np.log10(powers + LSD_FLOOR * powers[0].mean() + 1e-20)
    raised = levels[1:].mean(axis=0) > levels[0] + RAISED_DB
    return float(levels[1:].std(axis=0)[raised].mean()) if raised.any() else float("nan")


def dnsmos(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Predict the overall rating of P.835 from 1 to 5 with a network, from the estimate alone [5].

    Measured at 16 kHz over windows of 9.01 s, one each second; a shorter signal is doubled until it fills one.
    Depends on level somewhat; only what lies above full scale is turned down to it. Nothing is aligned.

    Raises:
        AuralError: a package is missing.
    """
    network = dnsmos_network()
    audio = _resampled(_checked(reference, estimate)[1], sample_rate)
    audio = audio / max(1.0, np.abs(audio).max())
    while audio.size < DNSMOS_WINDOW:
        audio = np.tile(audio, 2)
    windows = np.lib.stride_tricks.sliding_window_view(audio, DNSMOS_WINDOW)[::SPEECH_RATE]
    overall = [network.run(None, {"input_1": np.ascontiguousarray(window[None])})[0][0, 2] for window in windows]
    return float(np.polyval(DNSMOS_SCALE, overall).mean())


def sdr_of_stem(reference: Block, estimate: Block, heard: Block, sample_rate: int) -> float:
    """Measure the signal-to-distortion ratio of a stem in dB: the median over seconds, all channels together [6].

    10 log10 |r|^2 / |e - r|^2 of each second, those left out in which the reference or the estimate is silent and
    what is left of a second at the end; NaN where none counts. It is the figure that museval calls SDR, which needs
    none of its filters; a wrong level is distortion too.
    """
    references, errors, estimates = (
        _seconds(audio.astype(np.float64), sample_rate) for audio in (reference, estimate - reference, estimate)
    )
    counts = (references > 0) & (estimates > 0)
    if not counts.any():
        return float("nan")
    with np.errstate(divide="ignore"):
        return float(np.median(10 * np.log10(references[counts] / errors[counts])))


def si_sdr_of_stem(reference: Block, estimate: Block, heard: Block, sample_rate: int) -> float:
    """Measure SI-SDR in dB over all channels together, with one scale [3]; NaN where the reference is silent."""
    return si_sdr(reference.ravel(), estimate.ravel(), sample_rate) if reference.any() else float("nan")


def leakage(reference: Block, estimate: Block, heard: Block, sample_rate: int) -> float:
    """Measure in dB how far below what is heard the estimate lies while the stem is silent; NaN where it never is.

    Pieces of 0.1 s count in which the reference lies 50 dB or more below its loudest piece, and what is heard not.
    """
    size = max(1, round(LEAK_S * sample_rate))
    wanted, made, given = (_powers(audio.astype(np.float64), size) for audio in (reference, estimate, heard))
    floor = db_to_power(-LEAK_DB)
    counts = (wanted <= floor * wanted.max(initial=0.0)) & (given > floor * given.max(initial=0.0))
    if not counts.any():
        return float("nan")
    return float(10 * np.log10(max(made[counts].sum(), LEAST_LEAK * given[counts].sum()) / given[counts].sum()))


def published_lufs(audio: Block, sample_rate: int) -> float:
    """Measure the integrated loudness in LUFS by pyloudnorm, another implementation of BS.1770 than AURAL's [7].

    What is left of a tenth of a second at the end, which pyloudnorm counts as a whole one, is left out.

    Raises:
        AuralError: the package is missing.
    """
    tenths = audio.shape[-1] * 10 // sample_rate
    whole = audio[:, : tenths * sample_rate // 10].T.astype(np.float64)
    return float(_package("pyloudnorm").Meter(sample_rate).integrated_loudness(whole))


def loudness_error(reference: Block, estimate: Block, heard: Block, sample_rate: int) -> float:
    """Measure by how many LU the estimate is louder or softer than the reference, by pyloudnorm."""
    return abs(published_lufs(estimate, sample_rate) - published_lufs(reference, sample_rate))


def meters_apart(reference: Block, estimate: Block, heard: Block, sample_rate: int) -> float:
    """Measure by how many LU AURAL's meter and pyloudnorm differ on the estimate."""
    from aural.measure.loudness import LoudnessMeter

    meter = LoudnessMeter(Format(sample_rate, len(estimate)))
    meter.update(estimate)
    return abs(meter.compute().integrated_lufs - published_lufs(estimate, sample_rate))


def true_peak(reference: Block, estimate: Block, heard: Block, sample_rate: int) -> float:
    """Measure the true peak of the estimate in dBTP."""
    from aural.measure.true_peak import TruePeakMeter

    meter = TruePeakMeter(Format(sample_rate, len(estimate)))
    meter.update(estimate)
    return meter.compute()


MASTER = (
    Metric("loudness error", "LU", 2, False, loudness_error, together=True),
    Metric("meters apart", "LU", 2, False, meters_apart, together=True),
    Metric("true peak", "dBTP", 2, False, true_peak, together=True),
)
"""The metrics of mastering."""
STEMS = (
    Metric("SDR", "dB", 1, True, sdr_of_stem, together=True),
    Metric("SI-SDR", "dB", 1, True, si_sdr_of_stem, together=True),
    Metric("leakage", "dB", 1, False, leakage, together=True),
)
"""The metrics of stems."""
SPEECH = (
    Metric("PESQ", "", 2, True, pesq),
    Metric("ESTOI", "", 3, True, estoi),
    Metric("SI-SDR", "dB", 1, True, si_sdr),
    Metric("LSD", "dB", 1, False, lsd),
    Metric("DNSMOS", "", 2, True, dnsmos, optional=True),
)
"""The metrics of speech."""


def _checked(reference: Audio, estimate: Audio) -> tuple[Audio, Audio]:
    if reference.ndim != 1 or reference.shape != estimate.shape:
        shapes = f"{reference.shape} and {estimate.shape}"
        raise AudioError(f"reference and estimate must have one shape (frames,), got {shapes}")
    if not (np.isfinite(reference).all() and np.isfinite(estimate).all()):
        raise AudioError("reference or estimate holds NaN or infinity")
    if not reference.any():
        raise AudioError("the reference is silent")
    return reference, estimate


def _seconds(audio: NDArray[np.float64], sample_rate: int) -> Power:
    """Return the energy of each whole second, all channels together."""
    count = audio.shape[-1] // sample_rate
    return np.square(audio[:, : count * sample_rate]).reshape(len(audio), count, -1).sum(axis=(0, 2))


def _powers(audio: NDArray[np.float64], size: int) -> Power:
    """Return the energy of each piece of so many frames, all channels together; the last may be shorter."""
    starts = np.arange(0, audio.shape[-1], size)
    return np.add.reduceat(np.square(audio).sum(axis=0), starts)


def _package(name: str) -> Any:
    """Import a package of an extra, or say how to install it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise AuralError(f'the package {name} is missing: pip install "aural[eval]"') from error


@cache
def dnsmos_network() -> Any:
    """Load the network that speechmos brings, into one thread: an evaluation fills the cores with processes."""
    onnxruntime, folder = _package("onnxruntime"), _package("speechmos").__path__[0]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(f"{folder}/dnsmos_models/sig_bak_ovr.onnx", options)


def _resampled(audio: Audio, sample_rate: int) -> Audio:
    import soxr

    return np.asarray(soxr.resample(audio, sample_rate, SPEECH_RATE), np.float32)


def _tiles(audio: Block, sample_rate: int) -> NDArray[np.float64]:
    """Return the power in tiles of time and frequency, all channels in a row."""
    spectra = np.concatenate([_power(channel.astype(np.float64), sample_rate) for channel in audio])
    bins = round(SPREAD_HZ * LSD_WINDOW_S)
    frames, bands = len(spectra) // SPREAD_FRAMES, spectra.shape[1] // bins
    whole = spectra[: frames * SPREAD_FRAMES, : bands * bins]
    return whole.reshape(frames, SPREAD_FRAMES, bands, bins).sum(axis=(1, 3))  # type: ignore[no-any-return]


def _power(audio: NDArray[np.float64], sample_rate: int) -> Power:
    window = round(LSD_WINDOW_S * sample_rate)
    hop = window // LSD_OVERLAP
    padded = np.pad(audio, (0, max(window - audio.size, -(audio.size - window) % hop)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    return np.square(np.abs(np.fft.rfft(frames * np.hanning(window + 1)[:-1])))
