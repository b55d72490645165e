"""Pictures of recordings, drawn with matplotlib (extra `plot`).

from aural import plot

figure = plot.compare(before, after, sample_rate)
figure.savefig("compared.png")

Diagnoses mark cut-offs and defects in it, and what was mended and added:

done = aural.clean("memo.m4a", "clean.wav")
figure = plot.compare(before, after, sample_rate, (done.before, done.after))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aural.errors import AudioError
from aural.markup import visible
from aural.measure.course import Course, CourseMeter, added, missing
from aural.measure.marks import marks
from aural.signals import Format, as_block

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from aural.listening.results import Findings
    from aural.measure.diagnosis import Diagnosis

SHOWN_DB = (-105.0, -25.0)
SHOWN_LUFS = (-60.0, 0.0)
INK = "#1a5fb4"
MARKS = {"defect": "#c01c28", "mended": "#2f7d4f", "missing": "#2dd4bf", "added": "#2dd4bf"}
"""Colours, as on the report page."""


def spectrogram(
    audio: ArrayLike, sample_rate: int, diagnosis: Diagnosis | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the spectrum over time, on the mel scale; return the axes drawn on.

    Args:
        audio: floats, shape (frames,) or (channels, frames).
        sample_rate: in Hz.
        diagnosis: of this recording; it marks the cut-off, and short defects above the picture.
        ax: axes to draw on; without them, those of a new figure.

    Raises:
        AudioError: the array has the wrong shape or type, or matplotlib is missing.
    """
    course, ax = _course(audio, sample_rate), ax or _figure().subplots()
    _spectrogram(course, ax)
    if diagnosis:
        found = marks(diagnosis, course)
        _mark(ax, found.cutoff_hz, defect=found.defects_s)
    return ax


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


def compare(
    before: ArrayLike,
    after: ArrayLike,
    sample_rate: int,
    diagnoses: tuple[Diagnosis, Diagnosis] | None = None,
) -> Figure:
    """Draw two recordings side by side: spectra above, waveforms below; return the figure.

    Args:
        before: floats, shape (frames,) or (channels, frames).
        after: the same, of any length.
        sample_rate: of both, in Hz.
        diagnoses: of both; they mark what the report page marks: cut-offs, defects, what was mended, and what was
            missing and is added.

    Raises:
        AudioError: an array has the wrong shape or type, or matplotlib is missing.
    """
    figure = _figure(figsize=(11, 4.6))
    axes = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(3, 1))
    courses = _course(before, sample_rate), _course(after, sample_rate)
    for (spectrum, wave), name, course in zip(axes.T, ("before", "after"), courses, strict=True):
        _spectrogram(course, spectrum).set(title=name, xlabel="")
        wave.fill_between(course.times_s, course.low, course.high, step="mid", linewidth=0.3, color=INK)
        wave.set(ylim=(-1, 1), xlabel="s")
    axes[0, 1].set_ylabel("")
    if diagnoses:
        had, has = map(marks, diagnoses, courses)
        _mark(axes[0, 0], had.cutoff_hz, defect=had.defects_s)
        _mark(axes[0, 1], has.cutoff_hz, defect=has.defects_s, mended=had.mended_s(has))
        for ax, course, what, find in zip(axes[0], courses, ("missing", "added"), (missing, added), strict=True):
            _tint(ax, course, find(*courses), what)
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
    low, high = SHOWN_DB
    ax.pcolormesh(
        _times(course), course.edges_hz, course.levels_db, vmin=low, vmax=high, cmap="magma", rasterized=True
    )
    ax.set_yscale("function", functions=(_mel, _hz))
    ticks = [hz for hz in (0, 500, 1000, 2000, 4000, 8000, 16000, 32000) if hz <= course.edges_hz[-1]]
    ax.set_yticks(ticks, [f"{hz / 1000:g}" for hz in ticks])
    ax.set(xlabel="s", ylabel="kHz", xlim=(0, course.duration_s), ylim=(0, course.edges_hz[-1]))
    return ax


def _mark(ax: Axes, cutoff_hz: float | None, **places_s: list[float]) -> None:
    """Draw a line at the cut-off, and ticks above the picture where something is."""
    if cutoff_hz is not None:
        ax.axhline(cutoff_hz, linestyle="--", color="white", linewidth=1)
    for name, places in places_s.items():
        if places:
            ax.plot(places, np.full(len(places), 1.02), "|", color=MARKS[name], markersize=6, label=name,
                    transform=ax.get_xaxis_transform(), clip_on=False)  # fmt: skip
            _explain(ax)


def _tint(ax: Axes, course: Course, cells: NDArray[np.bool_], name: str) -> None:
    """Tint a part of a spectrogram."""
    from matplotlib.colors import ListedColormap

    if cells.any():
        shown = np.ma.masked_equal(cells, False)
        ax.pcolormesh(_times(course), course.edges_hz, shown, cmap=ListedColormap([MARKS[name]]), alpha=0.5,
                      rasterized=True)  # fmt: skip
        ax.plot([], [], "s", color=MARKS[name], label=name)
        _explain(ax)


def _explain(ax: Axes) -> None:
    ax.legend(loc="upper right", fontsize="x-small", ncols=3)


def _times(course: Course) -> NDArray[np.float64]:
    """Return the edges of the columns, in seconds."""
    return np.arange(len(course.low) + 1, dtype=np.float64) * course.column_s


def _mel(hz: Any) -> Any:
    return 2595 * np.log10(1 + np.maximum(hz, 0) / 700)


def _hz(mel: Any) -> Any:
    return 700 * (10 ** (mel / 2595) - 1)
