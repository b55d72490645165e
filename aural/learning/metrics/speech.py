"""Metrics of speech: what listeners are predicted to say of it.

Each takes one channel, shape (frames,), the reference first, of equal length and in time to the frame: none of them
looks for a delay, but PESQ, which finds the delay of each utterance. A silent or empty reference is refused; a silent
estimate gets the lowest score.

References:
    [1] ITU-T P.862.2: Wideband extension to Recommendation P.862, 2007.
    [2] Jensen, Taal: An algorithm for predicting the intelligibility of speech masked by modulated noise maskers.
        IEEE/ACM Trans. ASLP 24(11), 2016.
    [3] Reddy, Gopal, Cutler: DNSMOS P.835. ICASSP 2022.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np

from aural.errors import AudioError
from aural.learning.metrics.distortion import lsd, si_sdr
from aural.learning.metrics.metric import Audio, Metric, comparable, package

SPEECH_RATE = 16000  # of PESQ and DNSMOS
PESQ_LOWEST, PESQ_LONGEST_S = 1.04, 20
DNSMOS_WINDOW = int(9.01 * SPEECH_RATE)
DNSMOS_SCALE = (-0.06766283, 1.11546468, 0.04602535)  # polynomial from the network's output to a rating


def pesq(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Predict how listeners would rate the quality of speech, from 1.04 to 4.64 (MOS-LQO, wide band [1]).

    Measured at 16 kHz; what lies above 8 kHz is not heard. Aligns level and delay itself. The method is for some ten
    seconds and the package for fifty utterances: longer recordings get the mean over equal pieces of at most 20 s,
    those without speech left out.

    Raises:
        AudioError: the reference holds no speech, or is shorter than 0.25 s.
        AuralError: the package is missing.
    """
    module = package("pesq")
    reference, estimate = (_resampled(audio, sample_rate) for audio in comparable(reference, estimate))
    count = -(-reference.size // (PESQ_LONGEST_S * SPEECH_RATE))
    scores, why = [], "no speech"
    for clean, found in zip(np.array_split(reference, count), np.array_split(estimate, count), strict=True):
        if not clean.any():
            continue
        try:
            scores.append(module.pesq(SPEECH_RATE, clean, found, "wb") if found.any() else PESQ_LOWEST)
        except module.PesqError as error:
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
    reference, estimate = comparable(reference, estimate)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Not enough STFT frames", RuntimeWarning)
        try:
            return float(package("pystoi").stoi(reference, estimate, sample_rate, extended=True))
        except RuntimeWarning as error:
            raise AudioError("ESTOI cannot be measured: less than 0.4 s of speech") from error


def dnsmos(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Predict the overall rating of P.835 from 1 to 5 with a network, from the estimate alone [3].

    Measured at 16 kHz over windows of 9.01 s, one each second; a shorter signal is doubled until it fills one.
    Depends on level somewhat; only what lies above full scale is turned down to it. Nothing is aligned.

    Raises:
        AuralError: a package is missing.
    """
    network = dnsmos_network()
    audio = _resampled(comparable(reference, estimate)[1], sample_rate)
    audio = audio / max(1.0, np.abs(audio).max())
    while audio.size < DNSMOS_WINDOW:
        audio = np.tile(audio, 2)
    windows = np.lib.stride_tricks.sliding_window_view(audio, DNSMOS_WINDOW)[::SPEECH_RATE]
    overall = [network.run(None, {"input_1": np.ascontiguousarray(window[None])})[0][0, 2] for window in windows]
    return float(np.polyval(DNSMOS_SCALE, overall).mean())


@cache
def dnsmos_network() -> Any:
    """Load the network that speechmos brings, into one thread: an evaluation fills the cores with processes."""
    onnxruntime, folder = package("onnxruntime"), package("speechmos").__path__[0]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(f"{folder}/dnsmos_models/sig_bak_ovr.onnx", options)


def _resampled(audio: Audio, sample_rate: int) -> Audio:
    import soxr

    return np.asarray(soxr.resample(audio, sample_rate, SPEECH_RATE), np.float32)


SPEECH = (
    Metric("PESQ", "", 2, True, pesq),
    Metric("ESTOI", "", 3, True, estoi),
    Metric("SI-SDR", "dB", 1, True, si_sdr),
    Metric("LSD", "dB", 1, False, lsd),
    Metric("DNSMOS", "", 2, True, dnsmos, optional=True),
)
"""The metrics of speech."""
