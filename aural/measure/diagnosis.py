"""The diagnosis of a recording: what `aural inspect` shows, and what `aural clean` bases its decisions on."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from aural.audio.files import Info
from aural.dsp.decibels import db_to_gain, db_to_power
from aural.dsp.passages import Passages
from aural.markup import element, listed, table
from aural.measure.bandwidth.meter import Bandwidth
from aural.measure.clipping import MeasuredClipping
from aural.measure.content.meter import Content
from aural.measure.defects import Defects
from aural.measure.environment import Environment
from aural.measure.hum import MainsHum
from aural.measure.level import Levels
from aural.measure.loudness import Loudness
from aural.measure.noise.meter import NoiseEstimate
from aural.measure.room.meter import RoomEstimate
from aural.measure.words import figures
from aural.signals import Format


@dataclass(frozen=True)
class Diagnosis:
    """Measurements of one recording."""

    duration_s: float
    format: Format
    level: Levels
    loudness: Loudness
    speech_lufs: float
    """Integrated loudness without music that plays by itself, such as a jingle."""
    speech_range_db: float
    """How far loud voices stand above soft ones; NaN where there is hardly any speech."""
    true_peak_dbtp: float
    clipping: MeasuredClipping
    gaps: Defects
    clicks: Defects
    plosives: Defects
    """Those beside music: a drum looks like one."""
    breaths: Defects
    """Those beside music."""
    content: Content
    environment: Environment
    noise: NoiseEstimate
    room: RoomEstimate
    hum: MainsHum
    bandwidth: Bandwidth
    info: Info | None = None
    """What the file says about itself; None for a signal that came from no file."""
    ordered: str | None = None
    """Speech or music, if the user says so; it overrides what was measured."""

    @property
    def kind(self) -> str:
        """`silence`, `speech`, or `music` for all else."""
        return "silence" if self.level.silent else self.ordered or self.content.kind

    @property
    def neither(self) -> bool:
        """Whether there is hardly any speech or music, as in a recording of rain."""
        return self.kind == "music" and not self.ordered and self.content.neither

    @property
    def noisy(self) -> bool:
        """Whether a voice has an audible background, or noises beside it. In music, noise cannot be told from
        the instruments."""
        return self.background or bool(self.noises_s)

    @property
    def background(self) -> bool:
        """Whether the pauses of a voice are audible, and hold noise or rumble; hum and a room's tail are none."""
        none = max(self.noise.levels_db, default=math.inf) < FAINT_NOISE_DB and not self.rumbles
        return self.kind == "speech" and self.environment.snr_db < NOISY_DB and not none

    @property
    def noises_s(self) -> tuple[int, ...]:
        """The seconds in which noise can be heard behind a voice, where no music plays; none if they are too few."""
        music = self.music_s
        found = tuple(
            second
            for second in self.noise.loud_s
            if not any(
                begin < second + 1 and second < end for begin, end in zip(music[::2], music[1::2], strict=True)
            )
        )
        few = self.kind != "speech" or len(found) < max(1.0, LEAST_NOISES * self.duration_s)
        return () if few else found

    @property
    def noise_db(self) -> float:
        """Level of the noise against the voice: of the background, or of the loudest noise beside it."""
        return max(-self.environment.snr_db, *(self.noise.levels_db[second] for second in self.noises_s), -math.inf)

    @property
    def rumbles(self) -> bool:
        """Whether much lies below a voice's lowest tone."""
        return self.environment.rumble_db > RUMBLE_DB

    @property
    def hums(self) -> bool:
        """Whether there is mains hum that could be heard once the recording is loud.

        Where there is nothing else, as in a test tone, it is no hum.
        """
        power = db_to_power(self.level.rms_dbfs) - self.level.dc**2
        alone = self.kind == "music" and db_to_power(self.hum.level_dbfs + NOTHING_ELSE_DB) > power
        heard = self.hum.level_dbfs > max(FAINT_HUM_DBFS, self.level.rms_dbfs - 70)
        return bool(self.hum.frequency_hz) and heard and not alone

    @property
    def offset(self) -> bool:
        """Whether the waveform has a DC offset that is not small beside the sound itself."""
        least = max(LEAST_OFFSET, OFFSET * db_to_gain(self.level.rms_dbfs))
        return self.level.dc > least and self.duration_s > 0.5

    @property
    def reverberant(self) -> bool:
        """Whether a voice was recorded far away, or in a reverberant room."""
        return self.kind == "speech" and self.room.reverberant

    @property
    def distorted(self) -> bool:
        """Whether this is music that is probably meant to be distorted, such as that of a synthesiser."""
        return self.kind == "music" and self.clipping.meant

    @property
    def clean(self) -> bool:
        """Whether it is a voice that needs nothing."""
        clipped = self.clipping.severity in ("clear", "heavy")
        flaws = self.noisy, self.hums, self.dull, self.offset, self.reverberant, self.uneven, clipped
        return self.kind == "speech" and not any(flaws)

    @property
    def music_under_speech(self) -> bool:
        """Whether somebody speaks over music for more than a moment."""
        return self.kind == "speech" and bool(self.content.passages("both"))

    @property
    def music_beside_speech(self) -> bool:
        """Whether a recording of speech holds music by itself too, such as a jingle."""
        return self.kind == "speech" and bool(self.content.passages("music"))

    @property
    def holds_music(self) -> bool:
        """Whether there is music for more than a moment: under speech, by itself, or all of it."""
        return self.kind == "music" or bool(self.music_s)

    @property
    def music_s(self) -> tuple[float, ...]:
        """Where music begins and ends in a recording of speech, in seconds, under it or by itself; a little wider."""
        return _flat(self.content.with_music() if self.kind == "speech" else [])

    @property
    def music_aside_s(self) -> tuple[float, ...]:
        """Where music plays by itself, in the same way."""
        return _flat(self.content.aside() if self.kind == "speech" else [])

    @property
    def music_under_speech_s(self) -> tuple[float, ...]:
        """Where somebody speaks over music, in the same way."""
        return _flat(self.content.around("both") if self.kind == "speech" else [])

    @property
    def uneven(self) -> bool:
        """Whether the levels of voices differ so much that a listener would have to turn the volume up and down."""
        return self.kind == "speech" and self.apart_db > UNEVEN_DB

    @property
    def apart_db(self) -> float:
        """How far the levels of voices lie apart: the loudness range where hardly any speech was found."""
        return self.loudness.range_lu if math.isnan(self.speech_range_db) else self.speech_range_db

    @property
    def apart(self) -> str:
        """Say how far the levels lie apart."""
        if math.isnan(self.speech_range_db):
            return f"loudness range {self.loudness.range_lu:.0f} LU"
        return f"voices {self.speech_range_db:.0f} dB apart"

    @property
    def lossy(self) -> bool:
        """Whether the file holds a lossy codec."""
        return self.info is not None and self.info.bits is None

    @property
    def coded(self) -> bool:
        """Whether the file holds a lossy codec, or its spectrum ends as behind one: an MP3 that was decoded."""
        return self.lossy or (self.bandwidth.emptied and self.bandwidth.cutoff_hz < CODED_HZ)

    @property
    def dull(self) -> bool:
        """Whether speech or music ends audibly low, the end given by the sample rate included.

        Not where it may be the natural end of instruments: hardly anything is missing there.
        """
        low = self.bandwidth.cutoff_hz < AUDIBLE_CUTOFF_HZ[self.kind]
        return low and not self.ends_naturally and not self.neither

    @property
    def ends_naturally(self) -> bool:
        """Whether the end of the spectrum may be that of the instruments: music in no lossy file, without a steep
        fall."""
        return self.kind == "music" and not self.lossy and self.bandwidth.cut and self.bandwidth.declines

    @property
    def origin(self) -> str:
        """What probably cut the spectrum off; empty if nothing did."""
        cutoff, cut = self.bandwidth.cutoff_hz, self.bandwidth.cut
        if self.dull and (not cut or cutoff > OWN_RATE * self.format.sample_rate / 2):
            return f"a sample rate of {self.format.sample_rate} Hz"
        if not cut:
            return ""
        if self.lossy and self.info:
            return f"the file's own codec, {self.info.codec.lower()}, or what it was made from"
        if self.bandwidth.declines:
            return "a gentle filter, or a natural decline"
        return next(words for limit, words in ORIGINS if cutoff < limit)

    def findings(self) -> list[str]:
        """List what is wrong with the recording, a sentence each; empty for a flawless one."""
        if self.level.silent:
            return ["holds nothing but silence"]
        environment, hum = self.environment, self.hum
        floor_dbfs, snr_db = environment.floor_dbfs, environment.snr_db
        found = (
            (self.background, f"background noise at {floor_dbfs:.0f} dBFS, {snr_db:.0f} dB below the voice"),
            (self.noisy and not self.background, self.noises()),
            (self.hums, f"mains hum at {hum.frequency_hz:.2f} Hz, {hum.level_dbfs:.0f} dBFS"),
            (self.offset, f"a DC offset of {100 * self.level.dc:.1f} % of full scale"),
            (self.dull, f"the spectrum ends at {self.bandwidth.cutoff_hz / 1000:.1f} kHz: {self.origin}"),
            (self.reverberant, f"a reverberant room: {self.room}"),
            (self.music_under_speech, f"speech over music for {self.content.seconds('both'):.0f} s"),
            (self.music_beside_speech, f"music beside the speech for {self.content.seconds('music'):.0f} s"),
            (self.clipping.samples > 0 and not self.distorted, f"{self.clipping.severity} clipping: {self.clipping}"),
            *((bool(defects), f"{name}: {defects}") for name, defects in self.defects().items()),
            (self.uneven, f"an uneven level: {self.apart}"),
        )
        return [words for is_so, words in found if is_so] + self.beyond_repair()

    def noises(self) -> str:
        """Say in words what noise there is beside the voice, and where."""
        seconds = self.noises_s
        if not seconds:
            return "none"
        start = f"{seconds[0] // 60}:{seconds[0] % 60:02d}"
        return f"noises up to {-self.noise_db:.0f} dB below the voice, in {len(seconds)} s, from {start} on"

    def defects(self) -> dict[str, Defects]:
        """Return what was found of each kind of short defect, by its name; only a voice has plosives."""
        found = {"gaps": self.gaps, "clicks": self.clicks}
        return found | {"plosives": self.plosives} if self.kind == "speech" else found

    def beyond_repair(self) -> list[str]:
        """List those of the findings that no stage mends."""
        found = []
        if self.level.false_stereo:
            found.append("two channels that carry the same: mono in a stereo file")
        if self.level.inverted:
            found.append("two channels that cancel each other in mono: one of them is inverted")
        if self.level.dead_channel:
            found.append("a channel that holds nothing")
        if self.distorted:
            found.append(f"distortion that is probably meant: {self.clipping}")
        return found

    def _repr_html_(self) -> str:
        findings = self.findings() or ["nothing is wrong with it"]
        return element("div", table((), figures(self)), listed(findings))

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON; what is unknown is None."""
        plain: dict[str, Any] = {
            "kind": self.kind,
            "origin": self.origin,
            "music_under_speech": self.music_under_speech,
            "music_beside_speech": self.music_beside_speech,
            "findings": self.findings(),
            **asdict(self),
            "content": self.content.as_dict(),
        }
        plain["clipping"]["severity"] = self.clipping.severity
        named = ("silent", "false_stereo", "inverted", "dead_channel")
        plain["level"] |= {name: getattr(self.level, name) for name in named}
        info, _ = plain.pop("info"), plain.pop("ordered")
        if info:
            info["path"] = str(info["path"])
            plain = {"file": {k: v for k, v in info.items() if k not in ("format", "frames")}, **plain}
        return _finite(plain)  # type: ignore[no-any-return]


NOISY_DB = 28.0
FAINT_NOISE_DB = -33.0  # against the voice: noise that is nowhere louder by the network is none
LEAST_NOISES = 0.01  # of the seconds hold noises before they count
RUMBLE_DB = -20.0
OFFSET, LEAST_OFFSET = 0.06, 5e-4  # as a share of the root mean square, and of full scale
FAINT_HUM_DBFS = -90.0
NOTHING_ELSE_DB = 1.0
UNEVEN_DB = 13.0
CODED_HZ = 19300.0  # a higher end may be that of a converter or resampler
OWN_RATE = 0.9  # of half the sample rate: what ends above it was cut off by the filter of the sampling
AUDIBLE_CUTOFF_HZ = {"silence": 0.0, "speech": 11500.0, "music": 15500.0}

ORIGINS = (
    (3900, "a telephone line or AMR"),
    (8300, "16 kHz sampling, a wideband call or Bluetooth"),
    (11600, "22 or 24 kHz sampling, or a very low bit rate"),
    (15300, "AAC or MP3 at a low bit rate (64 kbit/s)"),
    (16600, "MP3 or AAC at about 128 kbit/s, or 32 kHz sampling"),
    (19300, "MP3 or AAC at 160 to 192 kbit/s"),
    (math.inf, "a lossy codec at a high bit rate, or a resampler"),
)
"""Cut-off in Hz below which this is the likely reason."""


def _flat(passages: Passages) -> tuple[float, ...]:
    return tuple(second for passage in passages for second in passage)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
