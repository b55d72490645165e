"""A diagnosis as text, the same in the terminal, on a page and in a notebook."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aural.measure.content.meter import SIGNS, Content

if TYPE_CHECKING:
    from aural.measure.diagnosis import Diagnosis

LATE_S = 0.05
NAMED = 8
MAP = 60  # characters, at most
COMPARED = (
    "loudness",
    "loudness of speech",
    "loudness range",
    "true peak",
    "background",
    "signal to noise",
    "hum",
    "bandwidth",
)


def compared(before: Diagnosis, after: Diagnosis) -> list[tuple[str, str, str]]:
    """List the measurements that cleaning is about: name, value before, value after."""
    later = dict(figures(after))
    return [(label, value, later.get(label, "")) for label, value in figures(before) if label in COMPARED]


def figures(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    """List the measurements: a name and a value for each."""
    loudness, environment, band = diagnosis.loudness, diagnosis.environment, diagnosis.bandwidth
    if diagnosis.hum.frequency_hz:
        hum = f"{diagnosis.hum.frequency_hz:.2f} Hz at {diagnosis.hum.level_dbfs:.0f} dBFS"
    else:
        hum = "none"
    return [
        ("recording", f"{_format(diagnosis)}, {_kind(diagnosis)}"),
        ("content", _map(diagnosis.content)),
        ("loudness", f"{level(loudness.integrated_lufs)} LUFS"),
        *([("loudness of speech", f"{level(diagnosis.speech_lufs)} LUFS")] if diagnosis.music_aside_s else []),
        ("loudness range", f"{loudness.range_lu:.1f} LU"),
        ("true peak", f"{level(diagnosis.true_peak_dbtp)} dBTP"),
        ("background", f"{level(environment.floor_dbfs)} dBFS"),
        *([("signal to noise", f"{level(environment.snr_db)} dB")] if diagnosis.kind == "speech" else []),
        ("hum", hum),
        ("bandwidth", f"{band.cutoff_hz / 1000:.1f} kHz of {diagnosis.format.sample_rate / 2000:g}"),
        ("cut off by", diagnosis.origin or "nothing"),
        ("clipping", str(diagnosis.clipping)),
        *((name, str(defects)) for name, defects in diagnosis.defects().items()),
        *([("breaths", str(diagnosis.breaths))] if diagnosis.kind == "speech" else []),
        *([("noises", diagnosis.noises()), ("room", str(diagnosis.room))] if diagnosis.kind == "speech" else []),
    ]


def _format(diagnosis: Diagnosis) -> str:
    info, audio = diagnosis.info, diagnosis.format
    channels = f"{audio.channels} channels ({audio.layout})" if 2 < audio.channels <= NAMED else audio.layout
    written = f", {info.codec.lower()} in {info.container.lower()}" if info else ""
    place = f", track {info.track} of {info.tracks}" if info and info.tracks > 1 else ""
    late = f", sound starts at +{info.starts_at_s:.2f} s" if info and info.starts_at_s >= LATE_S else ""
    return f"{length(diagnosis)}, {channels}, {audio.sample_rate / 1000:g} kHz{written}{place}{late}"


def _kind(diagnosis: Diagnosis) -> str:
    return "neither speech nor music" if diagnosis.neither else diagnosis.kind


def length(diagnosis: Diagnosis) -> str:
    """Write how long a recording lasts."""
    minutes, seconds = divmod(diagnosis.duration_s, 60)
    return f"{minutes:.0f}:{seconds:04.1f}"


def _map(content: Content) -> str:
    """Draw the map, and say what its characters mean."""
    line = content.line(MAP)
    used = [f"{sign} {name}" for name, sign in SIGNS.items() if sign in line]
    return f"{line}  ({', '.join(used)})"


def level(value: float) -> str:
    """Write a level; a dash where there is none."""
    return f"{value:.1f}" if math.isfinite(value) else "-inf" if value < 0 else "-"
