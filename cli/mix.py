"""`aural mix`: several recordings into one."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from aural import registry
from aural.audio.atomic import destination
from aural.chain import Chain
from aural.cli.options import FileName, parameter_options, shared
from aural.cli.terminal import say
from aural.errors import AudioError, TargetExists
from aural.mix.ducking import Ducking
from aural.mix.mixing import Mix, Track
from aural.parameters import parameters
from aural.signals import Format
from aural.stream import Watch

if TYPE_CHECKING:
    from aural.cli.jobs import Job, Outcome
    from aural.mix.mixdown import Mixed

LABEL = 22
DUCKING = [p.name for p in parameters(Ducking)]
FINISHER = registry.finisher()
TARGETS = next(p.spec.choices for p in parameters(FINISHER) if p.name == "target")


class Named(click.ParamType):  # type: ignore[type-arg]
    """A name, =, and a value of some kind."""

    name = "named"

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        name, _, given = value.partition("=")
        try:
            if name and given:
                return name, self.kind(given)
        except ValueError:
            pass  # said below
        what = "a number" if self.kind is float else "the name of a chain"
        self.fail(f"{value!r} is not the name of a track, =, and {what}", param, ctx)


@click.command()
@click.argument("sources", nargs=-1, required=True, type=FileName(), metavar="STEMS...")
@click.option("-o", "--output", required=True, type=FileName(), help="Output file of the mix; - is stdout.")
@click.option(
    "--gain", multiple=True, type=Named(float), metavar="NAME=DB", help="Gain of a track. May be given several times."
)
@click.option(
    "--pan",
    multiple=True,
    type=Named(float),
    metavar="NAME=X",
    help="Pan position of a track, from -1 (left) to 1 (right).",
)
@click.option(
    "--start",
    multiple=True,
    type=Named(float),
    metavar="NAME=SECONDS",
    help="Start of a track, counted from the start of the mix.",
)
@click.option(
    "--chain", multiple=True, type=Named(str), metavar="NAME=CHAIN", help="Chain file (.toml) or preset for a track."
)
@click.option(
    "--duck",
    multiple=True,
    metavar="NAME",
    help="Track to lower while another sounds, such as music; with --under. May be given several times.",
)
@click.option("--master", metavar="CHAIN", help="Chain file (.toml) or preset to run over the sum.")
@click.option(
    "--target",
    type=click.Choice(TARGETS),
    metavar="NAME",
    help=f"Delivery target of the mix, met by the stage {FINISHER.name}. One of {', '.join(TARGETS)}.",
)
@shared("force", "dry-run", "strict", "device")
@click.option(
    "--save-mix",
    type=FileName(dir_okay=False),
    help="Write the mix to a TOML file as it ran, measured values included.",
)
def mix(
    sources: tuple[Path, ...],
    output: Path,
    gain: tuple[tuple[str, float], ...],
    pan: tuple[tuple[str, float], ...],
    start: tuple[tuple[str, float], ...],
    chain: tuple[tuple[str, str], ...],
    duck: tuple[str, ...],
    master: str | None,
    target: str | None,
    force: bool,
    dry_run: bool,
    strict: bool,
    save_mix: Path | None,
    **values: Any,
) -> None:
    """Mix stems, or any recordings, into one.

    STEMS are recordings, a folder of them, or a mix file (.toml). They are summed unchanged, so the stems of
    source-separation give the mixture again, unless you add gains, pan positions, chains or --balance. All tracks
    start together unless --start says otherwise, and the mix ends with the last. Options override the mix file.

    Mono tracks are panned with a sine/cosine law: equal loudness everywhere, -3 dB in both channels at the center.
    Panning a stereo track attenuates the opposite channel. If all tracks are mono and none is panned, the mix is
    mono.

    \b
      aural mix stems/ -o mix.wav --target streaming
      aural mix voice.wav guitar.wav -o mix.wav --balance --gain voice=2 --pan guitar=-0.3
      aural mix voice.wav music.wav -o mix.wav --duck music --under voice
      aural mix anna.wav ben.wav -o mix.wav --cross-gate anna --cross-gate ben
      aural mix song.toml -o mix.wav
    """
    from aural.chainfile import read_chain
    from aural.cli.jobs import STDIO, Batch, Job
    from aural.cli.work import run_jobs, show_outcomes
    from aural.mix.mixfile import mix_of

    wanted = mix_of(sources)
    where = click.get_current_context().get_parameter_source
    given = {name: value for name, value in values.items() if where(name) is ParameterSource.COMMANDLINE}
    ducking = {name: given.pop(name) for name in DUCKING if name in given}
    wanted = ducked(replace(wanted, **given), duck, ducking)
    chains = [(name, read_chain(file)) for name, file in chain]
    for field, pairs in (("gain_db", gain), ("pan", pan), ("start_s", start), ("chain", chains)):
        for name, value in pairs:
            wanted = changed(wanted, name, field, value)
    wanted = replace(wanted, master=_master(wanted.master, master, target))
    check_result(output, sources)
    if save_mix:
        check_mix_file(save_mix, force, [*sources, *(track.file for track in wanted.tracks), output])

    def show(outcome: Outcome) -> None:
        lines = planned_lines if dry_run else mixed_lines
        say(*lines(output, wanted, outcome.result), err=output == STDIO)

    work: Any = partial(_open, wanted) if dry_run else partial(_mix, wanted, force, save_mix, strict)
    batch = Batch([Job(wanted.tracks[0].file, output)])
    with run_jobs(batch.jobs, work, 1) as outcomes:
        show_outcomes(outcomes, show, batch)


mix.params += [*parameter_options(Ducking), *parameter_options(Mix)]


def changed(wanted: Mix, name: str, field: str, value: Any) -> Mix:
    """Return the mix with another value for the track of this name: that of its file, with or without suffix.

    Raises:
        ChainError: as `Mix.place`.
    """
    place = wanted.place(name)
    tracks = (replace(track, **{field: value}) if n == place else track for n, track in enumerate(wanted.tracks))
    return replace(wanted, tracks=tuple(tracks))


def ducked(wanted: Mix, names: Sequence[str], given: dict[str, Any]) -> Mix:
    """Return the mix with these tracks under others, as the options say.

    Raises:
        ChainError: no track has such a name.
        UsageError: it is not said what is lowered, or under what.
    """
    if bool(names) != bool(given.get("under")) or (given and not names):
        raise click.UsageError("name what is lowered with --duck, and what it is lowered under with --under")
    places = {wanted.place(name) for name in names}
    return replace(
        wanted, tracks=tuple(replace(t, **given) if n in places else t for n, t in enumerate(wanted.tracks))
    )


def check_result(output: Path, sources: Sequence[Path]) -> None:
    """Raise AudioError if the mix would lie among its own tracks, and be one of them the next time."""
    if str(output) == "-":
        return
    if any(source.is_dir() and os.path.realpath(output.parent) == os.path.realpath(source) for source in sources):
        raise AudioError("lies among the tracks and would be one of the next mix; name another folder", path=output)


def check_mix_file(path: Path, force: bool, others: Sequence[Path]) -> None:
    """Raise AudioError unless a mix can be written to this file."""
    if path.suffix != ".toml":
        raise AudioError("a mix file ends in .toml", path=path)
    if os.path.realpath(path) in map(os.path.realpath, others):
        raise AudioError("is an input; it is never overwritten", path=path)
    if destination(path).exists() and not force:
        raise TargetExists("exists already", path=path)


def mixed_lines(output: Path, wanted: Mix, mixed: Mixed) -> list[str]:
    """Write what was done: a line for each track and stage, the result, and what one should know about it."""
    lines = [f"{_count(mixed.mix)} -> {output}", *_rows([("", "loudness", "gain", "place", "")])]
    for placed in mixed.placed:
        lines += _track_lines(placed.track, placed.format, f"{_lufs(placed.lufs)} LUFS")
    lines += _gate_lines(mixed.mix) + _master_lines(mixed.mix.master)
    result = f"{_lufs(mixed.integrated_lufs)} LUFS, {_lufs(mixed.true_peak_dbtp)} dBTP"
    lines += ["", f"  {'mix':<{LABEL}}{_length(mixed.duration_s)}, {_format(mixed.format)}, {result}"]
    lines += shorter([(placed.track, placed.duration_s) for placed in mixed.placed])
    if wanted.balance:
        silent = [placed.track.file.name for placed in mixed.placed if not math.isfinite(placed.plain_lufs)]
        lines += [f"  ! {name} is softer than -70 LUFS, or shorter than 0.4 s: not balanced" for name in silent]
    if mixed.over_db:
        lines.append(
            f"  ! it goes {mixed.over_db:.1f} dB beyond full scale: written as floats, which hold that, but a player "
            "clips it; --target brings it down"
        )
    return lines


def planned_lines(output: Path, wanted: Mix, files: Sequence[Any]) -> list[str]:
    """Write what would be done."""
    lines = [f"{_count(wanted)} -> {output}", *_rows([("", "length", "gain", "place", "")])]
    for track, file in zip(wanted.tracks, files, strict=True):
        lines += _track_lines(track, file.format, _length(file.info.duration_s))
    lines += _gate_lines(wanted) + _master_lines(wanted.master)
    lines += ["  balance: all are brought to one loudness before these gains"] if wanted.balance else []
    return lines + shorter([(t, f.info.duration_s) for t, f in zip(wanted.tracks, files, strict=True)])


def shorter(lengths: Sequence[tuple[Track, float]]) -> list[str]:
    """Say which tracks end before the mix does, and by how much."""
    ends = [(track.file.name, track.start_s + seconds) for track, seconds in lengths]
    last_s = max(end_s for _, end_s in ends)
    return [
        f"  ! {name} ends {_short(last_s - end_s)} before the mix does"
        for name, end_s in ends
        if last_s - end_s > 1e-6
    ]


def _master(own: Chain, name: str | None, target: str | None) -> Chain:
    """Return the chain that is asked for: another than the mix file's own, and master at its end."""
    from aural.chainfile import read_chain

    chain: Any = read_chain(name) if name else own
    if target is None:
        return chain
    stage: Any = registry.create(FINISHER.name, target=target)
    before = chain.stages if chain.mix == 1 else (chain,)
    return Chain((*(before[:-1] if before and before[-1].name == stage.name else before), stage))


def _open(wanted: Mix, job: Job, watch: Watch) -> list[Any]:
    from aural.audio.files import open_audio
    from aural.mix.mixdown import say_times

    files = [open_audio(track.file) for track in wanted.tracks]
    wanted.check_formats([file.format for file in files])
    say_times(wanted, files)
    return files


def _mix(wanted: Mix, force: bool, save_mix: Path | None, strict: bool, job: Job, watch: Watch) -> Mixed:
    from aural.mix.mixdown import mix_files

    assert job.target
    return mix_files(wanted, job.target, replace=force, save_mix=save_mix, strict=strict, watch=watch)


def _count(mix: Mix) -> str:
    return f"{len(mix.tracks)} track{'s' * (len(mix.tracks) > 1)}"


def _track_lines(track: Track, source: Format, figure: str) -> list[str]:
    from aural.parameters import settings

    side = "left" if track.pan < 0 else "right"
    place = f"{abs(track.pan):.2g} {side}" if track.pan else "middle"
    lines = list(_rows([(track.file.name, figure, f"{track.gain_db:+.1f} dB", place, _format(source))]))
    lines += [f"    {stage.name:<{LABEL - 2}}{settings(stage)}".rstrip() for stage in track.chain.stages]
    lines += [f"    starts after {_short(track.start_s)}"] if track.start_s else []
    return lines + ([f"    {-track.duck_db:+.1f} dB while {' or '.join(track.under)} sounds"] if track.under else [])


def _gate_lines(mix: Mix) -> list[str]:
    names = " and ".join(mix.cross_gate)
    return [f"    of {names}, {-mix.cross_gate_db:+.1f} dB while only another speaks"] if names else []


def _master_lines(master: Chain) -> list[str]:
    from aural.parameters import settings

    return [f"  + {stage.name:<{LABEL - 2}}{settings(stage)}".rstrip() for stage in master.stages]


def _rows(rows: Sequence[tuple[str, str, str, str, str]]) -> Iterator[str]:
    for name, figure, gain, place, source in rows:
        yield f"  {name:<{LABEL}}{figure:<14}{gain:<11}{place:<12}{source}".rstrip()


def _format(source: Format) -> str:
    channels = {1: "mono", 2: "stereo"}.get(source.channels, f"{source.channels} channels")
    return f"{channels}, {source.sample_rate / 1000:g} kHz"


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{minutes:.0f}:{rest:04.1f}"


def _short(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{1000 * seconds:.2g} ms"


def _lufs(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "-inf"
