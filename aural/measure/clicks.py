"""Clicks: a few samples that can be predicted neither from the samples before nor from those after."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aural.dsp.autoregression import FLOOR, levinson
from aural.dsp.compiled import njit
from aural.dsp.decibels import db_to_gain
from aural.measure.defects import Defect, DefectMeter
from aural.signals import Block, Format

Signal = NDArray[np.float64]

SEGMENT_S, CONTEXT_S = 5.0, 0.25
SURE_DB, LIKELY_DB = 24.0, 10.0  # thresholds: for any recording, and for one that is known to have clicks
MANY = 6.0  # a minute: from there on it is known
ORDER = 32
HOP_S = 0.021  # half of the window that a model is fitted to
CANDIDATE = 8.0  # times the median error of its window
SOME = 4  # one error in so many is enough for the median
LONGEST_S, SHORT_S = 0.002, 0.0001  # a click that lasts longer must stand out more: mouths and strings make long ones
JOIN = 8  # frames between two parts of one click
AROUND_S = 0.012  # on each side, what a click must stand out of
SERIES_S, FELLOWS = 0.03, 2  # in this time on each side more than so many alike are the pulses of a voice
APART_S = 0.0005
REACH_S, AUDIBLE = 0.1, 0.005  # a click has at least this part of the peak in this time on each side
STEPS = 8.0  # and is so many steps of quantisation high: the end of a fade-out is made of steps
CROWD = 0.93  # quantile of the errors around: pulses of a voice are fewer, but their flanks are not
CORE = 0.08  # of its largest error: less, at the ends of a click, is not its own
MARGIN = 2


class ClickMeter(DefectMeter):
    """Counts clicks; the default threshold is strict, so that a recording without clicks is left alone."""

    def __init__(self, source: Format, threshold_db: float = SURE_DB) -> None:
        super().__init__(source, SEGMENT_S, CONTEXT_S)
        self.threshold_db = threshold_db

    def find(self, audio: Block) -> list[Defect]:
        return find_clicks(audio, self.source.sample_rate, self.threshold_db)


def find_clicks(audio: Block, sample_rate: int, threshold_db: float) -> list[Defect]:
    """Find the clicks of each channel of a piece of a signal, shape (channels, frames).

    The error of a frame is the smaller of its prediction errors from before and from after: an onset can be predicted
    from what follows, a decay from what precedes, a click from neither. A click is short, and its errors exceed those
    around it, on either side, by at least `threshold_db`; those of a longer one by more, 3 dB where it lasts twice
    as long.

    References:
        S. J. Godsill, P. J. W. Rayner, Digital Audio Restoration, Springer 1998, chapter 5. The errors are compared
        with those around, not with their variance.
    """
    found = (_clicks(channel.astype(np.float64), sample_rate, threshold_db) for channel in audio)
    return [Defect(number, *click) for number, clicks in enumerate(found) for click in clicks]


def _clicks(audio: Signal, sample_rate: int, threshold_db: float) -> list[tuple[int, int, float]]:
    if audio.size < 4 * ORDER or not audio.any():
        return []
    scale = np.abs(audio).max()
    hop = max(ORDER, round(HOP_S * sample_rate / 2)) * 2
    errors, relative = np.zeros(audio.size), np.zeros(audio.size)
    _errors(np.pad(audio / scale, (hop // 2, 2 * hop)), np.hanning(2 * hop), errors, relative)
    clicks, least = [], db_to_gain(threshold_db)
    reach, series = round(REACH_S * sample_rate), round(SERIES_S * sample_rate)
    places = np.flatnonzero(relative > CANDIDATE)
    if not places.size:
        return []
    gaps = np.flatnonzero(np.diff(places) > JOIN)
    starts, stops = places[np.r_[0, gaps + 1]], places[np.r_[gaps, -1]] + 1
    peaks, standing = (np.maximum.reduceat(values[places], np.r_[0, gaps + 1]) for values in (errors, relative))
    longer = np.sqrt(np.maximum(1, (stops - starts) / (SHORT_S * sample_rate)))
    likely = (standing >= least * longer) & (stops - starts < LONGEST_S * sample_rate)
    likely &= (starts > ORDER) & (stops < audio.size - ORDER)
    for number in np.flatnonzero(likely):
        start, stop, peak = int(starts[number]), int(stops[number]), peaks[number]
        near = audio[max(0, start - reach) : stop + reach]
        height = np.abs(near)
        if peak * scale < max(AUDIBLE * height.max(), STEPS * height[height > 0].min()):
            continue
        first, last = np.searchsorted(starts, (start - series, start + series))
        others = np.sort(np.delete(peaks[first:last], number - first))[::-1]
        alike = float(others[FELLOWS]) if others.size > FELLOWS else 0.0
        if peak < least * longer[number] * alike:
            continue
        around = max(alike, _around(errors, start, stop, round(APART_S * sample_rate), round(AROUND_S * sample_rate)))
        strength_db = 20 * np.log10(peak / max(around, 1e-12) / longer[number])
        if strength_db >= threshold_db:
            core = start + np.flatnonzero(errors[start:stop] > CORE * peak)
            clicks.append((int(core[0]) - MARGIN, int(core[-1]) + 1 + MARGIN, float(strength_db)))
    return clicks


@njit(fastmath=True)
def _errors(padded: Signal, hann: Signal, errors: Signal, relative: Signal) -> None:
    """Write the error of each frame, and the same as a multiple of the median of its window.

    A model is fitted twice: the second time to the window without the candidates that the first one has found.
    """
    window = hann.size
    hop, edge = window // 2, window // 4
    correlation = np.empty(ORDER + 4)
    least, forward, backward = np.empty(hop), np.empty(hop), np.empty(hop)
    clean, windowed = np.empty(window), np.zeros(window + ORDER + 4)
    for start in range(0, errors.size, hop):
        count = min(hop, errors.size - start)
        clean[:] = padded[start : start + window]
        for _ in range(2):
            windowed[:window] = clean * hann
            for lag in range(0, ORDER + 1, 4):  # four lags a pass, and four taps below: half the traffic to memory
                later = windowed[lag:]
                c0 = c1 = c2 = c3 = 0.0
                for n in range(window):
                    c0 += windowed[n] * later[n]
                    c1 += windowed[n] * later[n + 1]
                    c2 += windowed[n] * later[n + 2]
                    c3 += windowed[n] * later[n + 3]
                correlation[lag : lag + 4] = c0, c1, c2, c3
            if correlation[0] <= 0:
                break
            correlation[0] *= 1 + FLOOR
            a = levinson(correlation[: ORDER + 1])
            forward[:] = padded[start + edge : start + edge + hop]
            backward[:] = forward
            for k in range(1, ORDER + 1, 4):
                a0, a1, a2, a3 = a[k], a[k + 1], a[k + 2], a[k + 3]
                before = padded[start + edge - k - 3 : start + edge - k + hop]
                behind = padded[start + edge + k : start + edge + k + hop + 3]
                for n in range(hop):
                    forward[n] += a0 * before[n + 3] + a1 * before[n + 2] + a2 * before[n + 1] + a3 * before[n]
                    backward[n] += a0 * behind[n] + a1 * behind[n + 1] + a2 * behind[n + 2] + a3 * behind[n + 3]
            for n in range(hop):
                least[n] = min(abs(forward[n]), abs(backward[n]))
            usual = np.median(least[::SOME])
            each = 1 / usual if usual > 0 else 0.0
            for n in range(count):
                errors[start + n] = least[n]
                relative[start + n] = least[n] * each
            if least.max() * each <= CANDIDATE:
                break
            for n in range(hop):
                if least[n] * each > CANDIDATE:
                    clean[n + edge] = 0.0


def _around(errors: Signal, start: int, stop: int, apart: int, reach: int) -> float:
    """Return the errors on that side of a run where they are larger."""
    before = errors[max(0, start - apart - reach) : max(0, start - apart)]
    behind = errors[stop + apart : stop + apart + reach]
    ranks = ((side, int(CROWD * side.size)) for side in (before, behind) if side.size)
    return max((float(np.partition(side, rank)[rank]) for side, rank in ranks), default=0.0)
