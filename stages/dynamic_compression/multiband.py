"""Multiband compression: each frequency band has its own gain reduction."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from aural import Effect, Format, Stream, param
from aural.errors import ParameterError
from aural.stages.dynamic_compression.stage import DynamicCompression

HIGHEST = 0.45  # of the sample rate: nothing is split off above
EACH = ("threshold_db", "ratio", "attack_ms", "release_ms", "makeup_db")


@dataclass(frozen=True)
class Multiband(Effect):
    """Compress frequency bands separately: a booming vowel or a harsh cymbal affects its own band only.

    Bands that no crossover separates at the sample rate of the signal are treated as one.

    Raises:
        ParameterError: besides ranges, crossovers do not rise, or some values are neither one nor one for each band.
    """

    name: ClassVar[str] = "multiband"
    level_independent: ClassVar[bool] = False
    crossovers_hz: tuple[float, ...] = param(
        (120.0, 1000.0, 6000.0), "Crossover frequencies between the bands, in rising order",
        unit="Hz", low=20.0, high=20000.0,
        examples=((500.0,),))  # fmt: skip
    threshold_db: tuple[float, ...] = param(
        (-30.0,), "Level above which gain reduction begins in a band. This, ratio, attack_ms, release_ms and "
        "makeup_db take one value for all bands, or one per band from the lowest up",
         unit="dBFS", low=-80.0, high=0.0, examples=((-50.0,),))  # fmt: skip
    ratio: tuple[float, ...] = param(
        (2.0,), "Compression ratio: this many dB above the threshold at the input become 1 dB at the output",
        low=1.0, high=100.0,
        examples=((6.0,),))  # fmt: skip
    attack_ms: tuple[float, ...] = param(
        (10.0,), "Attack: time constant with which gain reduction sets in",
        unit="ms", low=0.01, high=500.0, examples=((1.0,),))  # fmt: skip
    release_ms: tuple[float, ...] = param(
        (150.0,), "Release: time constant with which gain reduction recovers", unit="ms", low=1.0, high=5000.0,
        examples=((30.0,),))  # fmt: skip
    makeup_db: tuple[float, ...] = param(
        (0.0,), "Makeup gain after the compressor", unit="dB", low=-24.0, high=48.0, examples=((3.0,),))  # fmt: skip
    knee_db: float = param(6.0, "Width of the soft knee around the threshold; 0 is a hard knee", unit="dB",
                           low=0.0, high=40.0)  # fmt: skip
    detector: str = param("rms", "Level detector: peak, or RMS",
                          choices=("peak", "rms"))  # fmt: skip
    rms_ms: float = param(10.0, "Averaging time constant of the RMS detector", unit="ms",
                          low=0.1, high=1000.0, when={"detector": "rms"})  # fmt: skip
    link: float = param(1.0, "Channel linking: 1 gives all channels the gain of the loudest, 0 treats each on its "
                        "own",
                        low=0.0, high=1.0)  # fmt: skip

    def __post_init__(self) -> None:
        for name in ("crossovers_hz", *EACH):
            if isinstance(value := getattr(self, name), int | float):
                object.__setattr__(self, name, (value,))
        super().__post_init__()
        if any(low >= high for low, high in pairwise(self.crossovers_hz)):
            raise ParameterError(
                f"crossovers_hz must rise, got {self.crossovers_hz!r}", stage=self.name, parameter="crossovers_hz"
            )
        bands = len(self.crossovers_hz) + 1
        for name in EACH:
            if len(values := getattr(self, name)) not in (1, bands):
                raise ParameterError(
                    f"{name} must be one value, or {bands}, got {values!r}", stage=self.name, parameter=name
                )

    def each(self) -> list[DynamicCompression]:
        """List the compressor of each band, the lowest first."""
        bands = len(self.crossovers_hz) + 1
        spread = {name: (getattr(self, name) * bands)[:bands] for name in EACH}
        same = {name: getattr(self, name) for name in ("knee_db", "detector", "rms_ms", "link")}
        return [DynamicCompression(**{name: v[n] for name, v in spread.items()}, **same) for n in range(bands)]

    def stream(self, source: Format) -> Stream:
        from aural.stages.dynamic_compression.stream import MultibandStream

        crossovers = [hz for hz in self.crossovers_hz if hz < HIGHEST * source.sample_rate]
        return MultibandStream(source, crossovers, self.each()[: len(crossovers) + 1])
