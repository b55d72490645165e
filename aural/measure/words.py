"""A diagnosis in words, the same in the terminal, on a page and in a notebook."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aural.measure.content.meter import SIGNS, Content

if TYPE_CHECKING:
    from aural.measure.diagnosis import Diagnosis

LATE_S = 0.05
NAMED = 8
MAP = 60  # characters, at most
COMPARED = ("loudness", "loudness range", "true peak", "background", "signal to noise", "hum", "bandwidth")


def compared(before: Diagnosis, after: Diagnosis) -> list[tuple[str, str, str]]:
    """List the measurements that cleaning is about: name, value before, value after."""
    later = dict(figures(after))
    return [(label, value, later[label]) for label, value in figures(before) if label in COMPARED]


def figures(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    """List the measurements: a name and a value for each."""
    loudness, scene, band = diagnosis.loudness, diagnosis.scene, diagnosis.bandwidth
    if diagnosis.hum.frequency_hz:
        hum = f"{diagnosis.hum.frequency_hz:.2f} Hz at {diagnosis.hum.level_dbfs:.0f} dBFS"
    else:
        hum = "none"
    return [
        ("recording", f"{_format(diagnosis)}, {diagnosis.kind}"),
        ("content", _map(diagnosis.content)),
        ("loudness", f"{_level(loudness.integrated_lufs)} LUFS"),
        ("loudness range", f"{loudness.range_lu:.1f} LU"),
        ("true peak", f"{_level(diagnosis.true_peak_dbtp)} dBTP"),
        ("background", f"{_level(scene.floor_dbfs)} dBFS"),
        ("signal to noise", f"{_level(scene.snr_db)} dB"),
        ("hum", hum),
        ("bandwidth", f"{band.cutoff_hz / 1000:.1f} kHz of {diagnosis.format.sample_rate / 2000:g}"),
        ("cut off by", diagnosis.origin or "nothing"),
        ("clipped samples", str(diagnosis.level.clipped_samples)),
        ("decay of the room", "cannot be told" if math.isnan(scene.decay_s) else f"{scene.decay_s:.2f} s"),
    ]


def _format(diagnosis: Diagnosis) -> str:
    info, audio = diagnosis.info, diagnosis.format
    channels = f"{audio.channels} channels ({audio.layout})" if 2 < audio.channels <= NAMED else audio.layout
    written = f", {info.codec.lower()} in {info.container.lower()}" if info else ""
    minutes, seconds = divmod(diagnosis.duration_s, 60)
    place = f", track {info.track} of {info.tracks}" if info and info.tracks > 1 else ""
    late = f", sound starts at +{info.starts_at_s:.2f} s" if info and info.starts_at_s >= LATE_S else ""
    return f"{minutes:.0f}:{seconds:04.1f}, {channels}, {audio.sample_rate / 1000:g} kHz{written}{place}{late}"


def _map(content: Content) -> str:
    """Draw the map, and say what its characters mean."""
    line = content.line(MAP)
    used = [f"{sign} {name}" for name, sign in SIGNS.items() if sign in line]
    return f"{line}  ({', '.join(used)})"


def _level(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "-inf" if value < 0 else "-"
