"""Runs mixes on files: reads, sums, writes, and returns what was done."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aural.audio.atomic import Results
from aural.audio.files import AudioFile, Info, open_audio
from aural.audio.metadata import About, common, read_about
from aural.audio.writing import FULL_SCALE, LOSSLESS, write_audio
from aural.cleaning.targets import guard, guard_chain
from aural.errors import AudioError
from aural.measure.loudness import LoudnessMeter
from aural.measure.true_peak import TruePeakMeter
from aural.mix.mixfile import write_mix
from aural.mix.mixing import Mix, Placed, Track, frames_before
from aural.signals import Format
from aural.stage import repeatable
from aural.stream import UNWATCHED, Watch

log = logging.getLogger("aural")

WITH_FLOATS = ("WAV", "AIFF")


@dataclass(frozen=True)
class Mixed:
    """What `mix_files` did."""

    mix: Mix
    """As it ran: with every measured parameter, and the balance in the gains."""
    placed: tuple[Placed, ...]
    format: Format
    duration_s: float
    integrated_lufs: float
    true_peak_dbtp: float
    over_db: float
    """How far samples go beyond full scale; 0 where none does. The file then holds floats."""


def mix_files(
    mix: Mix,
    target: str | Path,
    *,
    replace: bool = False,
    save_mix: str | Path | None = None,
    strict: bool = False,
    watch: Watch = UNWATCHED,
) -> Mixed:
    """Mix the files of the tracks and write the result.

    The depth is that of the deepest track; tags and pictures that all tracks share are kept. What goes beyond full
    scale is written as floats, which lose nothing.

    Args:
        mix: what is to be mixed, and how.
        target: where the result goes; its suffix says the format.
        replace: whether a file that exists may be replaced. A track never is.
        save_mix: also write the mix as it ran, with what was measured, to this file (.toml).
        strict: refuse a track of which a part is damaged or missing, instead of reading on behind it.
        watch: sees the signals go by.

    Raises:
        ChainError: the mix cannot be saved, because the name of a track is no UTF-8.
        AudioError: a track cannot be read, tracks do not go together, the mix goes beyond full scale and the format
            holds no floats, or the target cannot be written; nothing is left half-done.
    """
    target = Path(target)
    for track in mix.tracks:
        guard(track.file, target, replace)
        if save_mix:
            guard_chain(track.file, Path(save_mix), replace)
    if save_mix:
        write_mix(mix, Path(save_mix).parent)  # what cannot be saved is refused before anything is done
    files = [open_audio(track.file, strict) for track in mix.tracks]
    say_times(mix, files)
    watch.expect(mix.passes + 1)
    run = mix.render([(file, file.format) for file in files], watch)
    blocks = repeatable(run.blocks, run.output)
    loudness, true_peak, peak = LoudnessMeter(run.output), TruePeakMeter(run.output), 0.0
    for block in watch(blocks, run.output):
        loudness.update(block)
        true_peak.update(block)
        peak = max(peak, float(np.abs(block).max(initial=0)))
    over_db = 20 * math.log10(peak) if peak > FULL_SCALE else 0.0
    if over_db and LOSSLESS.get(target.suffix.lower()) not in WITH_FLOATS:
        raise AudioError(
            f"the mix goes {over_db:.1f} dB beyond full scale, which {target.suffix[1:]} cannot hold; turn "
            "tracks down, put the stage master behind the sum, or write .wav",
            path=target,
        )
    like = _info(target, files, run.output, loudness.frames, floating=over_db > 0)
    about = common([_about(track, file, run.output) for track, file in zip(mix.tracks, files, strict=True)])
    with Results(replace, likes=[track.file for track in mix.tracks]) as results:
        write_audio(results.open(target), blocks, run.output, like, about=about)
        if save_mix:
            results.open(save_mix).write(write_mix(run.mix, Path(save_mix).parent).encode("utf-8"))
    return Mixed(
        run.mix,
        run.placed,
        run.output,
        loudness.frames / run.output.sample_rate,
        loudness.compute().integrated_lufs,
        true_peak.compute(),
        over_db,
    )


def say_times(mix: Mix, files: Sequence[AudioFile]) -> None:
    """Warn where tracks were recorded at different times, as their files say, and none has a start."""
    times = [(_recorded_s(read_about(t.file), f), t.file) for t, f in zip(mix.tracks, files, strict=True)]
    known = sorted((time_s, file) for time_s, file in times if time_s is not None)
    if any(track.start_s for track in mix.tracks) or not known or known[0][0] == known[-1][0]:
        return
    (first_s, first), (last_s, last) = known[0], known[-1]
    apart = f"{last_s - first_s:.3f}".rstrip("0").rstrip(".")
    log.warning(
        "%s: recorded %s s after %s by their time references, but both start together; a start of %s s sets it right",
        last,
        apart,
        first,
        apart,
    )


def _recorded_s(about: About, file: AudioFile) -> float | None:
    """Return when a recording begins, in seconds after midnight, if its file says so."""
    return None if about.time_reference is None else about.time_reference / file.format.sample_rate


def _about(track: Track, file: AudioFile, output: Format) -> About:
    """Return what the file of a track says; the time reference is that of the beginning of the mix."""
    about = read_about(track.file)
    time_s = _recorded_s(about, file)
    begins = -1 if time_s is None else round(time_s * output.sample_rate) - frames_before(track, output)
    tags = {name: text for name, text in about.tags.items() if name != "time_reference"}
    return About({**tags, "time_reference": str(begins)} if begins >= 0 else tags, about.pictures)


def _info(target: Path, files: Sequence[AudioFile], source: Format, frames: int, floating: bool) -> Info:
    """Say what the file of a mix shall be like."""
    floating = floating or any(file.info.floating for file in files)
    bits = max(file.info.bits or 24 for file in files)
    return Info(target, source, frames, "", "", max(bits, 32) if floating else bits, floating)
