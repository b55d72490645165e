"""The equaliser: peaks, shelves, high- and low-pass filters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from aural import Effect, Format, Stream, param
from aural.dsp.decibels import db_to_gain
from aural.errors import ParameterError
from aural.parameters import GIVEN

KINDS = ("peak", "low-shelf", "high-shelf", "high-pass", "low-pass")
GAINLESS = ("high-pass", "low-pass")
Q = 0.7071


@dataclass(frozen=True)
class Band:
    """One section: its kind, frequency in Hz, gain in dB, and Q."""

    kind: str
    hz: float
    gain_db: float
    q: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read peak:3000:-4:1.2, low-shelf:120:3 or high-pass:80; the last number is the quality.

        Raises:
            ParameterError: that is no band.
        """
        kind, *rest = text.split(":")
        try:
            numbers = [float(number) for number in rest]
        except ValueError:
            numbers = []
        wanted = 1 if kind in GAINLESS else 2
        if kind not in KINDS or not wanted <= len(numbers) <= wanted + 1:
            shapes = "peak:HZ:DB[:Q], low-shelf:HZ:DB[:Q], high-shelf:HZ:DB[:Q], high-pass:HZ[:Q] or low-pass:HZ[:Q]"
            raise ParameterError(f"a band is {shapes}, got {text!r}", stage="equaliser")
        hz, gain_db = numbers[0], numbers[1] if wanted == 2 else 0.0
        q = numbers[wanted] if len(numbers) > wanted else Q
        if not (1 <= hz <= 384000 and abs(gain_db) <= 40 and 0.05 <= q <= 50):
            raise ParameterError(
                f"HZ is from 1 to 384000, DB from -40 to 40, Q from 0.05 to 50, got {text!r}", stage="equaliser"
            )
        return cls(kind, hz, gain_db, q)

    def __str__(self) -> str:
        """Write the band as `parse` reads it."""
        numbers = [self.hz] if self.kind in GAINLESS else [self.hz, self.gain_db]
        return ":".join([self.kind, *(f"{number:g}" for number in (*numbers, self.q))])


@dataclass(frozen=True)
class Equaliser(Effect):
    """Equalise a recording with peaks, shelves, high- and low-pass filters, in minimum or linear phase.

    Raises:
        ParameterError: besides ranges, a band cannot be read, or lies above half the sample rate.
    """

    name: ClassVar[str] = "equaliser"
    described_as: ClassVar[Sequence[str]] = ("eq", "equalise", "equalize", "equalizer")
    bands: tuple[str, ...] = param((), "One band, as peak:HZ:DB[:Q], low-shelf:HZ:DB[:Q], high-shelf:HZ:DB[:Q], "
                                   "high-pass:HZ[:Q] or low-pass:HZ[:Q]; may be given several times",
                                   examples=(("peak:1000:6",),))  # fmt: skip
    phase: str = param("minimum", "Phase response: minimum, as in an analogue equaliser, or linear, which adds "
                       "pre-ringing before transients", choices=("minimum", "linear"),
                       when={"bands": GIVEN})  # fmt: skip
    gain_db: float = param(0.0, "Output gain", unit="dB", low=-60.0, high=60.0)

    @classmethod
    def of(cls, bands: Iterable[tuple[str, float, float, float]]) -> Self:
        """Make an equaliser of bands given as kind, frequency in Hz, gain in dB and quality."""
        return cls(bands=tuple(str(Band(*band)) for band in bands))

    def __post_init__(self) -> None:
        super().__post_init__()
        for text in self.bands:
            Band.parse(str(text))

    def stream(self, source: Format) -> Stream:
        from aural.dsp.biquads import BiquadStream, section
        from aural.stages.mastering.stream import linear_equaliser

        bands = [Band.parse(text) for text in self.bands]
        for text, band in zip(self.bands, bands, strict=True):
            if band.hz >= source.sample_rate / 2:
                half = f"{source.sample_rate / 2:g} Hz"
                raise ParameterError(f"{text} lies above half the sample rate, {half}", stage=self.name)
        sections = [section(band.kind, band.hz / source.sample_rate, band.gain_db, band.q) for band in bands]
        gain = db_to_gain(self.gain_db)
        if self.phase == "linear":
            return linear_equaliser(source, sections, gain)
        return BiquadStream(source, [*sections, [gain, 0, 0, 1, 0, 0]])
