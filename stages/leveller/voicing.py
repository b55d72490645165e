"""Detects voice by the pitch of its vowels, which breaths, keys, rain and wind do not have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from aural.measure.loudness import PIECES
from aural.signals import Block, Format

HOP = 2  # pieces from one frame to the next
WINDOW_S = 0.04
BAND_HZ = (80.0, 2000.0)
PITCH_HZ = (70.0, 400.0)
LAGS = 1024  # of the autocorrelation, up to the length of the transform
VOWEL = 5  # frames that a vowel lasts at least
VOICED = 0.24  # mean over a vowel; most vowels of a far voice are above it, 99 % of most noises below
NEARBY = 2 * round(0.3 * PIECES) + 1  # pieces: no sound of speech is further away from a vowel
SLAB = 256  # frames that are looked at in one call: bounds the memory


class VoiceMeter:
    """Looks for pitch in 40 ms frames every 20 ms.

    The autocorrelation of a frame, over its value at lag 0, is the higher the more the frame repeats itself. It is
    taken from power spectra compressed by a cube root: otherwise a rumble, which is all low frequencies, repeats
    itself, too.

    References:
        T. Tolonen, M. Karjalainen, A computationally efficient multipitch analysis model, IEEE Trans. SAP 8(6), 2000.
    """

    def __init__(self, source: Format) -> None:
        self.rate = source.sample_rate
        self.half = max(2, round(WINDOW_S * self.rate / 2))
        self.window = np.hanning(2 * self.half).astype(np.float32)
        self.size = 1 << (4 * self.half - 1).bit_length()
        hz = np.fft.rfftfreq(self.size, 1 / self.rate)
        self.below = int(np.searchsorted(hz, BAND_HZ[1]))
        self.deaf = int(np.searchsorted(hz, BAND_HZ[0]))
        seconds = self.size / self.rate / LAGS
        self.lags = slice(*(round(1 / (hertz * seconds)) for hertz in PITCH_HZ[::-1]))
        self.audio = np.zeros((source.channels, self.half), np.float32)
        self.first = -self.half  # frame of the signal that the audio begins with
        self.found: list[NDArray[np.float32]] = [np.zeros(0, np.float32)]
        self.frames = 0

    def update(self, block: Block) -> None:
        """Take the next frames, shape (channels, frames)."""
        self.audio = np.concatenate([self.audio, block], axis=-1)
        end = self.first + self.audio.shape[-1]
        while (ready := self._ready(end)) > self.frames:
            centres = self._centre(np.arange(self.frames, min(ready, self.frames + SLAB))) - self.first
            frames = np.lib.stride_tricks.sliding_window_view(self.audio, 2 * self.half, axis=-1)
            self.found.append(self._look(frames[:, centres - self.half]))
            self.frames += len(centres)
        begin = int(self._centre(np.array(self.frames))) - self.half
        self.audio, self.first = self.audio[:, max(0, begin - self.first) :], max(self.first, begin)

    def voiced(self, pieces: int) -> NDArray[np.bool_]:
        """Tell for each of so many hundredths of a second from the beginning whether a vowel is near."""
        self.update(np.zeros((len(self.audio), 2 * self.half + HOP * self.rate // PIECES), np.float32))
        pitch = np.repeat(uniform_filter1d(np.concatenate(self.found), VOWEL, mode="constant"), HOP)[:pieces]
        return np.asarray(maximum_filter1d(pitch > VOICED, NEARBY, mode="constant"))

    def _centre(self, frames: NDArray[np.int64]) -> NDArray[np.int64]:
        return (2 * frames + 1) * HOP * self.rate // (2 * PIECES)

    def _ready(self, end: int) -> int:
        """Return how many frames there are before the end."""
        return max(0, ((end - self.half) * 2 * PIECES // (HOP * self.rate) - 1) // 2 + 1)

    def _look(self, frames: Block) -> NDArray[np.float32]:
        spectra = (fft.rfft(channel * self.window, self.size)[:, : self.below] for channel in frames)
        power = np.mean([np.square(np.abs(spectrum)) for spectrum in spectra], axis=0)
        power[:, : self.deaf] = 0
        correlation = fft.irfft(np.cbrt(power), LAGS)
        return np.asarray(correlation[:, self.lags].max(axis=1) / (correlation[:, 0] + 1e-30), np.float32)
