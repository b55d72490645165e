"""Finds the holes a codec left in the spectrum, and predicts their levels.

References:
    J. Herre, M. Schug: Analysis of Decompressed Audio - the Inverse Decoder, 109th AES Convention, 2000: bands
    quantised to zero betray the codec. Here they are looked for in plain STFT frames, without its grid.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aural.dsp import spectra as spectrum
from aural.dsp.compiled import njit
from aural.dsp.frames import Spectra
from aural.dsp.spectra import Levels

LOWEST_HZ = 2000.0
REACH_HZ = 1100.0  # what counts as next to a hole
EDGE_HZ = 140.0  # as steep as the window shows the edge of a hole
NARROWEST_HZ = 380.0
DEPTH_DB = 18.0
AROUND_MS = 150.0
DROP_DB = 3.0  # a codec leaves out what is quieter than its surroundings
STEADY_MS = 50.0  # what is put above the cut-off follows the level below it so fast
LAG_DB = 10.0  # and is never later than this behind a rise
DECLINE_DB = 1.6  # per kHz, where nothing stands above a hole
NEPER = np.log(10) / 10  # levels are natural logarithms of powers
NOTHING = np.float32(-np.inf)


class Holes:
    """Finds holes in successive STFT frames, using the frames around each.

    A hole is a band that lies far below nearly everything just below it, beyond a steep edge, and that was
    filled, or will be, within the time around: a gap between steady partials stays a gap. Above the cut-off
    everything is a hole.
    """

    def __init__(self, channels: int, step_hz: float, hop_ms: float, cutoff_hz: float, ceiling_hz: float) -> None:
        bins = [round(hz / step_hz) for hz in (LOWEST_HZ, cutoff_hz, ceiling_hz, REACH_HZ, EDGE_HZ, NARROWEST_HZ)]
        self.lowest, self.cutoff, self.ceiling, self.reach, self.edge, self.narrowest = bins
        self.cutoff = min(self.cutoff, self.ceiling)
        self.lowest = min(self.lowest, self.cutoff // 2)
        self.decline = DECLINE_DB * NEPER * step_hz / 1000
        self.around = round(AROUND_MS / hop_ms)
        self.share = 1 - float(np.exp(-hop_ms / STEADY_MS))
        self.channels = channels
        self.level = np.full(channels, np.nan)
        self.held: Any = None

    def find(self, spectra: Spectra, last: bool = False) -> tuple[Spectra, Levels]:
        """Take frames; return those whose surroundings are known, and the log power that is missing in each bin.

        The frames come late, the same number in all; bins that are no hole have minus infinity.
        """
        wings = np.zeros((self.channels, self.around, spectra.shape[-1]), np.complex64)
        parts = [wings if self.held is None else self.held, spectra, *([wings] if last else [])]
        spectra = np.concatenate(parts, axis=1)
        self.held = spectra[:, -2 * self.around :]
        count = max(0, spectra.shape[1] - 2 * self.around)
        log_power = np.log(spectrum.power(spectra) + np.float32(spectrum.TINY))
        middle = slice(self.around, self.around + count)
        missing = _missing(
            log_power[:, middle], self.lowest, self.cutoff, self.ceiling, self.reach, self.edge, self.narrowest,
            DEPTH_DB * NEPER, DROP_DB * NEPER, self.decline,
        )  # fmt: skip
        _keep_interrupted(missing, log_power, self.around, self.cutoff, self.narrowest // 2, DEPTH_DB * NEPER)
        _steady(missing, self.level, self.cutoff, self.ceiling, self.share, LAG_DB * NEPER)
        return spectra[:, middle], missing


@njit()
def _missing(log_power, lowest, cutoff, ceiling, reach, edge, narrowest, depth, drop, decline):  # type: ignore[no-untyped-def]
    """Return the log power to put into every bin of every hole."""
    missing = np.full(log_power.shape, NOTHING, np.float32)
    near = np.empty(reach)
    for c in range(log_power.shape[0]):
        for t in range(log_power.shape[1]):
            row = log_power[c, t]
            solid, bin_ = lowest, lowest + reach // 2
            while bin_ < cutoff:
                first = max(solid, bin_ - reach)
                if not _falls(
                    row, first, bin_, min(bin_ + edge, cutoff), min(bin_ + edge + narrowest, cutoff), depth
                ):
                    bin_ += 1
                    continue
                level, low = _levels(row, first, bin_, near)
                end = bin_ + edge
                while end < cutoff and row[end] < low - depth:
                    end += 1
                if end >= cutoff:
                    break  # nothing more up to the cut-off
                above, _ = _levels(row, end, min(end + reach // 2, cutoff), near)
                for b in range(bin_, end):
                    missing[c, t, b] = level + (above - level) * (b - bin_) / (end - bin_) - drop
                solid, bin_ = end, end + reach // 2
            bin_ = min(bin_, cutoff)
            level, _ = _levels(row, max(solid, bin_ - reach), bin_, near)
            for b in range(bin_, ceiling):
                missing[c, t, b] = level - decline * (b - bin_) - drop
    return missing


@njit()
def _falls(row, first, bin_, start, stop, depth):  # type: ignore[no-untyped-def]
    """Say whether three quarters of some bins lie far above all of some bins that follow."""
    peak = row[start]
    for b in range(start + 1, stop):
        peak = max(peak, row[b])
    count = 0
    for b in range(first, bin_):
        count += row[b] > peak + depth
    return start < stop and 4 * count >= 3 * (bin_ - first)


@njit()
def _levels(row, first, last, near):  # type: ignore[no-untyped-def]
    """Return the log power that half of some bins exceed, and the one that three quarters of them exceed."""
    for i in range(last - first):
        value = row[first + i]
        j = i
        while j > 0 and near[j - 1] > value:
            near[j] = near[j - 1]
            j -= 1
        near[j] = value
    return near[(last - first) // 2], near[(last - first) // 4]


@njit()
def _keep_interrupted(missing, log_power, around, cutoff, half, depth):  # type: ignore[no-untyped-def]
    """Fill no hole below the cut-off louder than its band is in the time around, and only bins far below that."""
    channels, frames, _ = missing.shape
    local = np.empty((log_power.shape[1], cutoff))
    for c in range(channels):
        for t in range(log_power.shape[1]):
            for b in range(cutoff):
                first, last = max(0, b - half), min(cutoff, b + half + 1)
                local[t, b] = log_power[c, t, first:last].mean()
        for t in range(frames):
            for b in range(cutoff):
                if missing[c, t, b] > NOTHING:
                    here, most = local[t + around, b], local[t : t + 2 * around + 1, b].max()
                    fill = min(missing[c, t, b], most)
                    missing[c, t, b] = fill if fill >= here + depth else NOTHING


@njit()
def _steady(missing, level, cutoff, ceiling, share, lag):  # type: ignore[no-untyped-def]
    """Smooth the level above the cut-off in time: bands that the codec switches must not make it flicker."""
    for c in range(missing.shape[0]):
        for t in range(missing.shape[1]):
            if cutoff < ceiling:
                now = missing[c, t, cutoff]
                before = now if np.isnan(level[c]) else level[c]
                level[c] = max(before + share * (now - before), now - lag)
                for b in range(cutoff, ceiling):
                    missing[c, t, b] += np.float32(level[c] - now)
