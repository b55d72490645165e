"""Pictures of recordings, drawn with matplotlib (extra `plot`).

from aural import plot

figure = plot.compare(before, after, sample_rate)
figure.savefig("compared.png")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from aural.errors import AudioError
from aural.markup import visible
from aural.measure.course import Course, CourseMeter
from aural.signals import Format, as_block

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from aural.listening.results import Findings

SHOWN_DB = (-105.0, -25.0)
SHOWN_LUFS = (-60.0, 0.0)
INK = "#1a5fb4"


def spectrogram(audio: ArrayLike, sample_rate: int, ax: Axes | None = None) -> Axes:
    """Draw the spectrum over time, on the mel scale; return the axes drawn on.

    Args:
        audio: floats, shape (frames,) or (channels, frames).
        sample_rate: in Hz.
        ax: axes to draw on; without them, those of a new figure.

    Raises:
        AudioError: the array has the wrong shape or type, or matplotlib is missing.
    """
    return _spectrogram(_course(audio, sample_rate), ax or _figure().subplots())


def loudness(audio: ArrayLike, sample_rate: int, target_lufs: float | None = None, ax: Axes | None = None) -> Axes:
    """Draw the loudness over time, of 3 s each, and the true peaks; return the axes drawn on.

    Args:
        audio: floats, shape (frames,) or (channels, frames).
        sample_rate: in Hz.
        target_lufs: a loudness to mark.
        ax: axes to draw on; without them, those of a new figure.

    Raises:
        AudioError: the array has the wrong shape or type, or matplotlib is missing.
    """
    course, ax = _course(audio, sample_rate), ax or _figure().subplots()
    ax.plot(course.times_s, course.true_peak_dbtp, linewidth=0.5, color="#999", label="true peak, dBTP")
    ax.plot(course.times_s, course.loudness_lufs, color=INK, label="loudness, LUFS")
    if target_lufs is not None:
        ax.axhline(target_lufs, linestyle="--", color="#c01c28", label=f"target, {target_lufs:g} LUFS")
    ax.set(xlabel="s", ylabel="dB", xlim=(0, course.duration_s), ylim=SHOWN_LUFS)
    ax.legend(loc="lower right", fontsize="small")
    return ax


def compare(before: ArrayLike, after: ArrayLike, sample_rate: int) -> Figure:
    """Draw two recordings side by side: spectra above, waveforms below; return the figure.

    Args:
        before: floats, shape (frames,) or (channels, frames).
        after: the same, of any length.
        sample_rate: of both, in Hz.

    Raises:
        AudioError: an array has the wrong shape or type, or matplotlib is missing.
    """
    figure = _figure(figsize=(11, 4.6))
    axes = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(3, 1))
    for column, (name, audio) in enumerate((("before", before), ("after", after))):
        course = _course(audio, sample_rate)
        spectrum, wave = axes[:, column]
        _spectrogram(course, spectrum).set(title=name, xlabel="")
        wave.fill_between(course.times_s, course.low, course.high, step="mid", linewidth=0.3, color=INK)
        wave.set(ylim=(-1, 1), xlabel="s")
    axes[0, 1].set_ylabel("")
    return figure


def findings(found: Findings) -> Figure:
    """Draw what a listening test found, with 95 % intervals; return the figure.

    Args:
        found: from `aural.listening.results.judge`.

    Raises:
        AudioError: matplotlib is missing.
    """
    figure = _figure(figsize=(7, 1 + 0.4 * len(found.rows)))
    ax = figure.subplots()
    scale = 1 if found.kind == "mushra" else 100
    rows = list(reversed(found.rows))
    values = scale * np.array([row.value for row in rows])
    ends = scale * np.array([[row.value - row.low, row.high - row.value] for row in rows])
    ax.errorbar(values, np.arange(len(rows)), xerr=np.nan_to_num(ends).T, fmt="o", color=INK, capsize=4)
    ax.set_yticks(np.arange(len(rows)), [visible(row.name) for row in rows], parse_math=False)
    label = {"mushra": "rating, 0 to 100", "abx": "right answers, %", "ab": "preferred the first, %"}[found.kind]
    ax.set(xlim=(0, 100), ylim=(-0.5, len(rows) - 0.5), xlabel=label)
    ax.grid(axis="x", alpha=0.3)
    return figure


def _figure(**rest: Any) -> Figure:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise AudioError('pictures need matplotlib: pip install "aural[plot]"') from error
    return pyplot.figure(layout="constrained", **rest)


def _course(audio: ArrayLike, sample_rate: int) -> Course:
    block = as_block(audio)
    meter = CourseMeter(Format(sample_rate, block.shape[0]))
    meter.update(block)
    return meter.compute()


def _spectrogram(course: Course, ax: Axes) -> Axes:
    times = np.arange(len(course.low) + 1) * course.column_s
    low, high = SHOWN_DB
    ax.pcolormesh(times, course.edges_hz, course.levels_db, vmin=low, vmax=high, cmap="magma", rasterized=True)
    ax.set_yscale("function", functions=(_mel, _hz))
    ticks = [hz for hz in (0, 500, 1000, 2000, 4000, 8000, 16000, 32000) if hz <= course.edges_hz[-1]]
    ax.set_yticks(ticks, [f"{hz / 1000:g}" for hz in ticks])
    ax.set(xlabel="s", ylabel="kHz", xlim=(0, course.duration_s), ylim=(0, course.edges_hz[-1]))
    return ax


def _mel(hz: Any) -> Any:
    return 2595 * np.log10(1 + np.maximum(hz, 0) / 700)


def _hz(mel: Any) -> Any:
    return 700 * (10 ** (mel / 2595) - 1)
