"""Tracks into a mix: a chain, a gain and a place for each, and a chain over the sum."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike

from aural.chain import Chain
from aural.dsp.decibels import db_to_gain
from aural.dsp.resampling import resampler
from aural.errors import AudioError, AuralError, ChainError, ParameterError
from aural.mix.cross_gate import CrossGate, CrossGated, own_voices
from aural.mix.ducking import Ducked, Ducking
from aural.mix.lowering import Powers
from aural.mix.summing import Gains, after_silence, mean_lufs, placing, summed
from aural.parameters import check, hint, param
from aural.signals import Block, Format, as_block
from aural.stage import Effect, repeatable
from aural.stream import UNWATCHED, Blocks, Watch, pump

if TYPE_CHECKING:
    from aural.measure.loudness import LoudnessMeter

Signal = tuple[Iterable[Block], Format]
"""Blocks and their format."""

NO_CHAIN = Chain()
MOST_TRIALS = 20  # to the gain for a loudness, which changes by as much, or by a little less


@dataclass(frozen=True)
class Track(Ducking):
    """One recording of a mix, and what is done to it before the sum.

    A mono track is placed between two channels by sine and cosine: 3 dB less in both in the middle, and equally loud
    everywhere. Of a stereo track the side it is turned away from falls along the cosine, the other stays as it is.
    While tracks that it lies `under` sound, it is lowered.

    Raises:
        ParameterError: a parameter is of the wrong kind or out of range.
    """

    file: Path
    chain: Chain = NO_CHAIN
    """A single effect will do."""
    gain_db: float = param(0.0, "Gain; with balance, how far the track's loudness is above that of the others",
                           unit="dB", low=-120.0, high=60.0)  # fmt: skip
    pan: float = param(0.0, "Pan: -1 is left, 1 is right", low=-1.0, high=1.0)
    start_s: float = param(0.0, "Start: silence in front of the track", unit="s", low=0.0, high=86400.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "file", Path(self.file))
        object.__setattr__(self, "chain", _chain(self.chain))
        check(self, self.file.name)


@dataclass(frozen=True)
class Mix(CrossGate):
    """Sums tracks, each through its own chain, gain and place; a master chain runs over the sum.

    Nothing is done that was not asked for: without gains and chains, stems come back as the mixture. All tracks begin
    together unless one has a start, and the mix ends with the last. It has two channels if a track has two or is
    panned, and one if all are mono; more only where all tracks have as many, and none is panned.

    Raises:
        ParameterError: a parameter is of the wrong kind or out of range.
        ChainError: there is no track, or one lies under itself or under one that is not there, or
            a cross-gate names fewer than two.
    """

    tracks: tuple[Track, ...]
    master: Chain = NO_CHAIN
    balance: bool = param(False, "Bring all tracks to the mean of their loudnesses before their gains are applied; "
                          "pauses do not count")  # fmt: skip
    sample_rate: int | None = param(None, "Sample rate of the mix, to which tracks are resampled; if not given, "
                                    "all tracks must have the same rate",
                                    unit="Hz", low=4000, high=768000)  # fmt: skip

    def __post_init__(self) -> None:
        object.__setattr__(self, "tracks", tuple(self.tracks))
        object.__setattr__(self, "master", _chain(self.master))
        check(self, "mix")
        if not self.tracks:
            raise ChainError("a mix needs at least one track")
        for number, track in enumerate(self.tracks):
            if number in map(self.place, track.under):
                raise ChainError("cannot be ducked under itself", path=track.file)
        if self.cross_gate and len(set(map(self.place, self.cross_gate))) < 2:
            raise ChainError("a cross-gate needs two microphones or more, each named once")

    def place(self, name: str) -> int:
        """Return the number of the track of this name: that of its file, with or without suffix.

        Raises:
            ChainError: no track has this name, or several have.
        """
        found = [n for n, track in enumerate(self.tracks) if name in (track.file.name, track.file.stem)]
        if not found:
            raise ChainError(f"no track called {name!r}{hint(name, {track.file.stem for track in self.tracks})}")
        if len(found) > 1:
            files = " or ".join(str(self.tracks[n].file) for n in found)
            raise ChainError(f"{name!r} may be {files}; use a mix file")
        return found[0]

    def __call__(self, audio: Mapping[str, ArrayLike], sample_rate: int) -> Block:
        """Mix whole signals, such as the stems of a separator.

        Args:
            audio: by the name that a track has as its `file`; floats, shape (frames,) or (channels, frames).
            sample_rate: of all of them, in Hz.

        Returns:
            float32, shape (channels, frames).

        Raises:
            AudioError: there is no audio for a track, or it cannot be used, or the channels do not go together.
        """
        for track in self.tracks:
            if str(track.file) not in audio:
                raise AudioError(f"no audio called {str(track.file)!r}; there is {', '.join(audio)}")
        blocks = [as_block(audio[str(track.file)]) for track in self.tracks]
        run = self.render([([block], Format(sample_rate, block.shape[0])) for block in blocks])
        return np.concatenate([np.zeros((run.output.channels, 0), np.float32), *run.blocks], axis=-1)

    @property
    def passes(self) -> int:
        """How many times signals go by in a run, those of all tracks counted."""
        return sum(track.chain.passes + 2 for track in self.tracks) + self.master.passes

    def check_formats(self, formats: Sequence[Format]) -> None:
        """Look at what goes in, before anything is run.

        Raises:
            AudioError: tracks that have no chain, which might change it, do not go together.
        """
        parts = [MixPart(track, (), source) for track, source in zip(self.tracks, formats, strict=True)]
        known = [part.at(self.sample_rate) for part in parts if not part.track.chain.stages]
        if known:
            common_format(known)

    def render(self, signals: Sequence[Signal], watch: Watch = UNWATCHED) -> Run:
        """Run over signals of any length, one for each track, in bounded memory.

        Raises:
            AudioError: sample rates or channels of the tracks do not go together.
        """
        self.check_formats([source for _, source in signals])
        parts = [MixPart(track, *signal) for track, signal in zip(self.tracks, signals, strict=True)]
        parts = [part.rendered(self.sample_rate, watch) for part in parts]
        source = common_format(parts)
        placed = [Placed.measured(part, source, watch) for part in parts]
        if self.balance:
            goal_lufs = mean_lufs([track.plain_lufs for track in placed])
            placed = [track.balanced(goal_lufs) for track in placed]
        watched = self._lowered(parts, placed, watch)
        gains = [track.gains(source.channels) for track in placed]
        master = self.master.run(summed(list(zip(watched, gains, strict=True))), source, watch)
        tracks = tuple(track.track for track in placed)
        ran = replace(self, tracks=tracks, master=master.stage, balance=False)
        return Run(master.blocks, master.output, ran, tuple(placed))

    def _lowered(self, parts: Sequence[MixPart], placed: Sequence[Placed], watch: Watch) -> list[Iterable[Block]]:
        """Return the blocks of each track, lowered where it hears only another's voice, or those in front sound."""
        signals: list[Iterable[Block]] = [Blocks(part.blocks, part.format, watch) for part in parts]
        microphones = [self.place(name) for name in self.cross_gate]
        powers = [placed[n].meter.powers for n in microphones]
        heard = own_voices(powers, self.cross_gate_margin_db) if microphones else ()
        for n, own_voice in zip(microphones, heard, strict=True):
            signals[n] = CrossGated(signals[n], own_voice, self, parts[n].format.sample_rate)
        for n, track in enumerate(self.tracks):
            fronts = [placed[front].relative_powers for front in map(self.place, track.under)]
            if fronts:
                signals[n] = Ducked(signals[n], fronts, track, parts[n].format.sample_rate)
        return signals


@dataclass(frozen=True)
class MixPart:
    """A track and its signal."""

    track: Track
    blocks: Iterable[Block]
    format: Format

    def at(self, sample_rate: int | None) -> Self:
        """Bring the signal to a sample rate, if one is asked for."""
        stream = resampler(self.format, sample_rate or self.format.sample_rate)
        if stream.output == self.format:
            return self
        return replace(self, blocks=pump(stream, self.blocks), format=stream.output)

    def rendered(self, sample_rate: int | None, watch: Watch) -> Self:
        """Run the chain of the track, resample if asked for, and put silence in front.

        The result can be iterated over again.
        """
        with _naming(self.track.file):
            run = self.track.chain.render(self.blocks, self.format, watch)
            done = replace(self, track=replace(self.track, chain=run.stage), blocks=run.blocks, format=run.output)
            done = done.at(sample_rate)
            silence = partial(after_silence, frames=frames_before(done.track, done.format))
            return replace(done, blocks=Blocks(repeatable(done.blocks, done.format), done.format, silence))


@dataclass(frozen=True)
class Placed:
    """A track as it stands in a mix."""

    track: Track
    """As it ran: measured parameters in its chain, the balance in its gain."""
    format: Format
    """Behind its chain."""
    meter: LoudnessMeter
    """What it measured behind chain and pan, before the gain."""

    @classmethod
    def measured(cls, part: MixPart, target: Format, watch: Watch) -> Self:
        """Measure a track as it stands in a mix of this format."""
        from aural.measure.loudness import LoudnessMeter

        meter = LoudnessMeter(target)
        gains = placing(part.format.channels, target.channels, part.track.pan)
        for block in watch(part.blocks, part.format):
            meter.update((gains @ block).astype(np.float32))
        return cls(part.track, part.format, meter)

    @property
    def duration_s(self) -> float:
        """Return how long it is behind its chain, without the silence in front."""
        source = self.meter.source
        return (self.meter.frames - frames_before(self.track, source)) / source.sample_rate

    @property
    def plain_lufs(self) -> float:
        """Integrated loudness without the gain; -inf where it is softer than -70 LUFS, or shorter than 0.4 s."""
        return self.meter.integrated_lufs()

    @property
    def lufs(self) -> float:
        """Integrated loudness in the mix, before the master chain."""
        return self.meter.integrated_lufs(gain_db=self.track.gain_db)

    @property
    def relative_powers(self) -> Powers:
        """Return the power of each step, divided by that of the loudness; zeros where it has none."""
        from aural.measure.loudness import lufs_to_power

        lufs = self.plain_lufs
        return self.meter.powers / lufs_to_power(lufs if math.isfinite(lufs) else math.inf)

    def balanced(self, goal_lufs: float) -> Self:
        """Bring it to a loudness, and apply its own gain to that; what has no loudness stays as it is.

        Raises:
            ParameterError: both gains together are out of range.
        """
        if not math.isfinite(self.plain_lufs):
            return self
        gain_db, own_db = 0.0, self.track.gain_db
        for _ in range(MOST_TRIALS):
            gain_db += goal_lufs - self.meter.integrated_lufs(gain_db=gain_db)
        try:
            return replace(self, track=replace(self.track, gain_db=own_db + gain_db))
        except ParameterError as error:
            raise ParameterError(
                f"gain_db {own_db:g} goes beyond what is allowed with the {gain_db:+.1f} dB of the balance: "
                f"together they must be {error.allowed}",
                path=self.track.file,
                parameter="gain_db",
                allowed=error.allowed,
            ) from error

    def gains(self, width: int) -> Gains:
        """Return its gains into a mix of so many channels."""
        return db_to_gain(self.track.gain_db) * placing(self.format.channels, width, self.track.pan)


@dataclass(frozen=True)
class Run:
    """A run of a mix: its blocks, their format, and the mix and its tracks as they ran."""

    blocks: Iterable[Block]
    output: Format
    mix: Mix
    placed: tuple[Placed, ...]


def common_format(parts: Sequence[MixPart]) -> Format:
    """Return the format of a mix of these parts.

    Raises:
        AudioError: sample rates or channels do not go together.
    """
    first, widest = parts[0], max(parts, key=lambda part: part.format.channels)
    for part in parts:
        if part.format.sample_rate != first.format.sample_rate:
            highest = max(part.format.sample_rate for part in parts)
            raise AudioError(
                f"{first.track.file} is at {first.format.sample_rate} Hz, {part.track.file} at "
                f"{part.format.sample_rate}: tracks are resampled only if asked; give the sample rate of the mix "
                f"(sample_rate, {highest} for instance)"
            )
        if widest.format.channels > 2 and part.format.channels != widest.format.channels:
            raise AudioError(
                f"{widest.track.file} has {widest.format.channels} channels, {part.track.file} has "
                f"{part.format.channels}: only mono and stereo go together"
            )
        if widest.format.channels > 2 and part.track.pan:
            raise AudioError(f"has {part.format.channels} channels; only 1 or 2 can be panned", path=part.track.file)
    panned = any(part.track.pan for part in parts)
    channels = max(widest.format.channels, 1 + panned)
    return (
        widest.format if channels == widest.format.channels else replace(widest.format, channels=channels, layout="")
    )


def frames_before(track: Track, source: Format) -> int:
    """Return how many frames of silence there are in front of a track."""
    return round(track.start_s * source.sample_rate)


def _chain(effect: Effect) -> Chain:
    return effect if isinstance(effect, Chain) else Chain((effect,))


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Put the name of the track in front of an error that does not say it."""
    try:
        yield
    except AuralError as error:
        if error.path == file:
            raise
        raise type(error)(str(error), path=file) from error
