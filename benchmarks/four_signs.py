"""The rule that told speech from music before there was a network: four signs and a logistic line between them.

Loud frames are periodic at the pitch of a voice, others are not, much of each second is soft (after Scheirer and
Slaney 1997), and little lies below 60 Hz.
"""

from __future__ import annotations

import numpy as np

from aural.signals import Block

HOP_S = 0.02
SIGNS = {"periodic": 10.6, "soft": 5.6, "alternation": 53.0, "rumble_db": -0.15}
NEVERTHELESS = -19.6


def speech(audio: Block, sample_rate: int) -> bool:
    """Say whether a recording, (channels, frames), is speech."""
    hop = max(8, round(sample_rate * HOP_S))
    window = np.hanning(2 * hop).astype(np.float32)
    window /= np.sqrt(np.sum(window**2))
    frames = np.lib.stride_tricks.sliding_window_view(audio, 2 * hop, axis=-1)[:, ::hop]
    centred = (channel - channel.mean(axis=-1, keepdims=True) for channel in frames)
    powers = np.mean([np.abs(np.fft.rfft(channel * window)) ** 2 for channel in centred], axis=0) / (2 * hop)
    hz = np.fft.rfftfreq(2 * hop, 1 / sample_rate)
    voice = powers[:, (hz > 200) & (hz < 4000)].sum(axis=1) + 1e-14
    size = 2048 if hop > 400 else 1024
    correlation = np.fft.irfft(powers[:, hz < 2000], size)
    lags = slice(int(size * hz[1] / 350), int(size * hz[1] / 75))
    periodic = correlation[:, lags].max(axis=1) / (correlation[:, 0] + 1e-14)
    a_second = min(round(1 / HOP_S), len(voice))
    seconds = voice[: len(voice) // a_second * a_second].reshape(-1, a_second)
    pitched = periodic[: seconds.size].reshape(seconds.shape)
    mean = seconds.mean(axis=1, keepdims=True)
    rumble = powers[:, (hz > 0) & (hz < 60)].sum() + 1e-20
    signs = {
        "periodic": pitched[seconds >= mean].mean(),
        "soft": (seconds < 0.5 * mean).mean(),
        "alternation": pitched.std(axis=1).mean(),
        "rumble_db": max(-40.0, 10 * np.log10(rumble / voice.sum())),
    }
    return bool(sum(weight * signs[sign] for sign, weight in SIGNS.items()) + NEVERTHELESS > 0)
