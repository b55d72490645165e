"""Which seconds of a recording hold speech, music, both or neither."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from aural.dsp.decibels import db_to_gain
from aural.measure.content.bands import BandLevels, BandMeter, answers
from aural.measure.content.features import SAMPLE_RATE, Bands
from aural.signals import Block, Format

if TYPE_CHECKING:
    from aural.measure.content.network import ContentNetwork

SILENT = db_to_gain(-90)
"""A second without a sample above this, -90 dBFS, is silence."""
SIGNS = {"silence": ".", "speech": "s", "music": "m", "both": "b", "neither": "-"}
"""How a map is drawn."""


@dataclass(frozen=True)
class Content:
    """What each second of a recording holds; the last one may be shorter."""

    duration_s: float
    speech: tuple[float, ...]
    """Probability of speech in each second."""
    music: tuple[float, ...]
    """Probability of music, singing included."""
    silent: tuple[bool, ...]

    @property
    def classes(self) -> list[str]:
        """Name what each second holds: silence, speech, music, both or neither."""
        names = {(False, False): "neither", (True, False): "speech", (False, True): "music", (True, True): "both"}
        seconds = zip(self.speech, self.music, self.silent, strict=True)
        return ["silence" if silent else names[speech > 0.5, music > 0.5] for speech, music, silent in seconds]

    @property
    def shares(self) -> dict[str, float]:
        """Return the share of the duration that each class has."""
        classes = np.array(self.classes)
        lengths = self._lengths()
        total = max(float(lengths.sum()), 1e-9)
        return {name: float(lengths[classes == name].sum() / total) for name in SIGNS}

    def seconds(self, name: str) -> float:
        """Return how long a class lasts in all."""
        return self.shares[name] * self.duration_s

    def passages(self, *names: str) -> list[tuple[float, float]]:
        """Return where seconds of some classes begin and end: at least MOMENT_S in a row, short pauses joined."""
        found: list[tuple[float, float]] = []
        second = 0
        for fits, run in groupby(name in names for name in self.classes):
            first, second = second, second + len(list(run))
            if fits and second - first >= MOMENT_S:
                joined = found and first - found[-1][1] <= PAUSE_S
                begins = found.pop()[0] if joined else float(first)
                found.append((begins, min(second, self.duration_s)))
        return found

    def around(self, *names: str) -> list[tuple[float, float]]:
        """Return such passages, a little wider: the map tells whole seconds."""
        return [
            (max(0.0, first - EDGE_S), min(last + EDGE_S, self.duration_s)) for first, last in self.passages(*names)
        ]

    def with_music(self) -> list[tuple[float, float]]:
        """Return where music plays, under speech or by itself; a little wider.

        Music under speech is followed for as long as it may go on, and to the ends of the recording if they are near:
        there the network hears little of what surrounds a second.
        """
        found: list[tuple[float, float]] = []
        for begin, end in self.passages("both", "music"):
            first, last = int(begin), math.ceil(end)
            if self._under_speech(first, last):
                first, last = self._followed(first, last)
            wider = max(0.0, first - EDGE_S), min(last + EDGE_S, self.duration_s)
            while found and wider[0] <= found[-1][1]:
                before = found.pop()
                wider = min(before[0], wider[0]), max(before[1], wider[1])
            found.append(wider)
        return found

    def _under_speech(self, first: int, last: int) -> bool:
        """Say whether music plays under speech for most of these seconds, rather than by itself."""
        classes = self.classes[first:last]
        return classes.count("both") >= classes.count("music")

    def _followed(self, first: int, last: int) -> tuple[int, int]:
        """Widen a passage of music by the seconds next to it that may hold it."""
        while first > 0 and self.music[first - 1] > MAY_GO_ON:
            first -= 1
        while last < len(self.music) and self.music[last] > MAY_GO_ON:
            last += 1
        length, left = last - first, len(self.music) - last
        return 0 if first <= NEAR_S <= length else first, last + left if left <= NEAR_S <= length else last

    def aside(self) -> list[tuple[float, float]]:
        """Return where music plays by itself rather than under speech, such as a jingle; a little wider."""
        held = self.around("both", "music")
        return [(begin, end) for begin, end in held if not self._under_speech(int(begin), math.ceil(end))]

    @property
    def kind(self) -> str:
        """`silence`, `speech`, or `music` for all else. Silence is no evidence, and neither are pauses, nor seconds
        that hardly sound like speech, however many."""
        if all(self.silent):
            return "silence"
        speech, music = np.array(self.speech), np.array(self.music)
        weight = self._lengths() * ~np.array(self.silent)
        voice, other = (weight * speech).sum(), (weight * music * (1 - speech)).sum()
        likely = speech[weight > 0].max(initial=0.0) > LIKELY
        return "speech" if likely and voice > max(other, LEAST_SPEECH * weight.sum()) else "music"

    @property
    def neither(self) -> bool:
        """Whether hardly any of what is not silent is speech or music."""
        return self.shares["neither"] > MOST_NEITHER * (1 - self.shares["silence"])

    def line(self, width: int) -> str:
        """Draw the map in at most so many characters: each shows what most of its seconds hold."""
        classes = self.classes
        count = min(width, len(classes))
        parts = [classes[n * len(classes) // count : (n + 1) * len(classes) // count] for n in range(count)]
        return "".join(SIGNS[max(SIGNS, key=part.count)] for part in parts)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values: the map with a character a second, and the shares."""
        return {"map": self.line(len(self.silent)), "shares": {k: round(v, 4) for k, v in self.shares.items()}}

    def _lengths(self) -> NDArray[np.float64]:
        return np.clip(self.duration_s - np.arange(len(self.silent)), 0, 1)


EDGE_S = 0.5
MOMENT_S, PAUSE_S = 4, 2
"""Fewer seconds of a class in a row may be a mistake; so few between two passages join them."""
MOST_NEITHER = 0.9
"""Share of what is not silent; where more is neither, the rest may be a mistake."""
MAY_GO_ON = 0.2
"""Probability of music next to a passage of it, under speech, above which it goes on."""
NEAR_S = 8
"""Music under speech that lasts so long reaches an end of the recording that is no farther away."""
LEAST_SPEECH = 0.1
"""Share of what is not silent that must be speech in a recording of speech, where the rest is neither."""
LIKELY = 0.25
"""Probability of speech that some second of a recording of speech must have."""


class ContentMeter(BandMeter):
    """Detects speech and music, second by second.

    Keeps about a minute of band levels, whatever the length, and 16 bytes for each second. The network looks 6 s
    back and ahead; what lies outside of the recording counts as silence. The level does not matter, but what stays
    below -90 dBFS for a second is silence.
    """

    training: ClassVar[str | None] = "aural.measure.content.training:ContentTraining"
    evaluation: ClassVar[str | None] = None

    def __init__(self, source: Format, measured: BandLevels | None = None) -> None:
        super().__init__(source, measured)
        self.peaks: list[float] = []  # of each second
        self.peak_samples = 0

    def take(self, audio: Block, levels: Bands) -> None:
        """Note the peak of each second besides; the piece spans two seconds at most."""
        super().take(audio, levels)
        cut = SAMPLE_RATE - self.peak_samples % SAMPLE_RATE
        for part in (audio[:, :cut], audio[:, cut:]):
            if part.shape[-1]:
                second = self.peak_samples // SAMPLE_RATE
                self.peaks += [0.0] * (second + 1 - len(self.peaks))
                self.peaks[second] = max(self.peaks[second], float(np.abs(part).max()))
                self.peak_samples += part.shape[-1]

    def answers(self, levels: Bands) -> Bands:
        """Return log odds of speech and music for each second between the margins, shape (seconds, 2)."""
        return answers(_network(), levels)

    def compute(self) -> Content:
        """Return what all frames so far hold."""
        log_odds = self.each_second()
        peaks = np.array([*self.peaks, *[0.0] * len(log_odds)])[: len(log_odds)]
        speech, music = 1 / (1 + np.exp(-log_odds.T))
        return Content(
            self.measured.duration_s, tuple(speech.tolist()), tuple(music.tolist()), tuple((peaks < SILENT).tolist())
        )


@cache
def _network() -> ContentNetwork:
    from aural.learning import weights
    from aural.measure.content.network import ContentNetwork

    return weights.into(ContentNetwork(), weights.shipped("aural.measure.content", "content"))
