"""The content map: what each second of a recording holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soundfile
from contents import content
from recordings import CORPUS, EXAMPLE, needs_corpus

from aural import Format
from aural.audio.files import read
from aural.measure.content.bands import SLAB_S
from aural.measure.content.features import BANDS, EDGES_HZ, HOP, WINDOW, bands
from aural.measure.content.meter import SIGNS, Content, ContentMeter
from aural.signals import Block
from aural.testing import partition

RATE = 16000


def heard(audio: Block, rate: int = RATE) -> Content:
    meter = ContentMeter(Format(rate, audio.shape[0]))
    meter.update(np.asarray(audio, np.float32))
    return meter.compute()


def arpeggio(seconds: float, rate: int = RATE) -> Block:
    """Play chords of three plucked notes, four a second."""
    time = np.arange(round(seconds * rate)) / rate
    audio = np.zeros(time.size)
    for number in range(int(4 * seconds)):
        start = number * rate // 4
        root = 220 * 2 ** ((0, 5, 7, 4)[number // 4 % 4] / 12)
        ringing = time[: time.size - start]
        for step in (0, 4, 7):
            hz = root * 2 ** (step / 12)
            audio[start:] += sum(np.sin(2 * np.pi * hz * k * ringing) / k**1.5 for k in range(1, 7)) * np.exp(
                -4 * ringing
            )
    return np.asarray(0.1 * audio[None], np.float32)


@pytest.fixture(scope="module")
def talk() -> Block:
    """Three voices that talk, 16 kHz."""
    import soxr

    audio, rate = read(EXAMPLE)
    return np.asarray(soxr.resample(audio[0], rate, RATE)[None], np.float32)


def test_a_tone_lies_in_its_band() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)[None].astype(np.float32)
    levels = bands(tone)
    assert levels.shape == ((RATE - WINDOW) // HOP + 1, BANDS)
    hz = EDGES_HZ[1:-1]
    assert hz[levels[10].argmax()] == pytest.approx(1000, abs=30)
    assert bands(np.repeat(tone, 2, axis=0) * np.array([[1], [-1]], np.float32)) == pytest.approx(levels, abs=1e-4)


def test_speech_and_music(talk: Block) -> None:
    assert heard(talk).kind == "speech"
    assert heard(arpeggio(12)).kind == "music"


def test_silence_is_no_evidence(talk: Block) -> None:
    rng = np.random.default_rng(0)
    faint = 1e-3 * np.abs(talk).max() * rng.standard_normal((1, 6 * RATE))
    for front in (np.zeros((1, 6 * RATE)), faint):
        found = heard(np.concatenate([front, talk[:, : 4 * RATE]], axis=1))
        assert found.kind == "speech"
        assert set(found.classes[:5]) == {"silence" if not front.any() else "neither"}


def test_a_jingle_before_speech_is_seen_where_it_is(talk: Block) -> None:
    jingle = arpeggio(8) * np.float32(talk.std() / arpeggio(8).std())
    line = heard(np.concatenate([jingle, talk[:, : 12 * RATE]], axis=1)).line(100)
    assert line[1:7] == "mmmmmm"
    assert line[9:].count("s") >= 9


@pytest.mark.parametrize("gain", [1e-3, 0.03])
def test_the_level_does_not_matter(talk: Block, gain: float) -> None:
    assert heard(talk * np.float32(gain)).classes == heard(talk).classes


def test_blocks_do_not_matter_and_slabs_meet_without_a_seam(talk: Block) -> None:
    audio = np.tile(talk, (1, 1 + (SLAB_S + 20) * RATE // talk.shape[1]))[:, : (SLAB_S + 20) * RATE + 3000]
    meter = ContentMeter(Format(RATE, 1))
    for block in partition(audio, 1):
        meter.update(block)
    pieces, whole = meter.compute(), heard(audio)
    assert len(whole.speech) == SLAB_S + 21
    assert pieces.speech == pytest.approx(whole.speech, abs=1e-5)
    later = heard(audio[:, 30 * RATE :])
    assert later.speech[10:-5] == pytest.approx(whole.speech[40:-5], abs=1e-4), "the seam at 60 s changes nothing"


def test_asking_in_between_changes_nothing(talk: Block) -> None:
    meter = ContentMeter(Format(RATE, 1))
    meter.update(talk[:, : 3 * RATE])
    assert len(meter.compute().speech) == 3
    meter.update(talk[:, 3 * RATE :])
    assert meter.compute() == heard(talk)


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_any_sample_rate(talk: Block, rate: int) -> None:
    import soxr

    audio = soxr.resample(talk[0], RATE, rate)[None]
    found = heard(audio, rate)
    assert found.kind == "speech"
    assert len(found.speech) == -(-audio.shape[1] // rate)


def test_digital_silence_and_nothing_at_all() -> None:
    assert heard(np.zeros((2, 3 * RATE))).kind == "silence"
    empty = heard(np.zeros((1, 0)))
    assert (empty.kind, empty.line(60), empty.shares["speech"]) == ("silence", "", 0.0)


def test_a_very_short_recording(talk: Block) -> None:
    assert len(heard(talk[:, :100]).speech) == 1


@pytest.mark.parametrize(
    ("drawn", "kind"),
    [
        ("ssss", "speech"), ("mmmm", "music"), ("----", "music"), ("....", "silence"), ("......s", "speech"),
        ("bbbb", "speech"), ("mmsssss", "speech"), ("mmmmmss", "music"), ("---s--s", "speech"),
        ("mmmmbbbbb", "speech"),
    ],
)  # fmt: skip
def test_the_kind_follows_from_the_map(drawn: str, kind: str) -> None:
    assert content(drawn).kind == kind


def test_seconds_that_hardly_sound_like_speech_do_not_add_up_to_it() -> None:
    birds = Content(3.0, (0.04, 0.1, 0.21), (0.0, 0.01, 0.02), (False,) * 3)
    assert birds.kind == "music"
    assert birds.neither
    assert replace(birds, speech=(0.34, 0.2, 0.1)).kind == "speech"
    assert replace(birds, speech=(0.9, 0.1, 0.2), silent=(True, False, False)).kind == "music"


def test_shares_go_by_duration() -> None:
    shares = content("ssm", last_s=0.5).shares
    assert (shares["speech"], shares["music"], shares["both"]) == pytest.approx((0.8, 0.2, 0.0))


def test_the_line_has_the_width_it_is_given() -> None:
    drawn = "s" * 100 + "m" * 50 + "." * 50
    assert content(drawn).line(20) == "s" * 10 + "m" * 5 + "." * 5
    assert content("sbm-.").line(60) == "sbm-."
    assert content("sbm-.").as_dict()["map"] == "sbm-."
    assert set(SIGNS.values()) == set("sbm-.")


@pytest.mark.corpus
@needs_corpus
def test_voices_and_songs_of_sets_that_training_never_heard() -> None:
    songs = [
        file
        for name in ("ancientbeast", "openclonk", "unknown_horizons")
        for file in (CORPUS / "music" / name).iterdir()
    ]
    voices = sorted((CORPUS / "speech_phone").rglob("*.opus"))[::25]
    kinds: dict[str, list[str]] = {"speech": [], "music": []}
    for kind, files in (("speech", voices), ("music", sorted(songs))):
        for file in files:
            audio, rate = soundfile.read(file, frames=10 * 48000, always_2d=True, dtype="float32")
            kinds[kind].append(heard(np.ascontiguousarray(audio.T), rate).kind)
    assert kinds["speech"].count("speech") >= 0.95 * len(voices)
    assert kinds["music"].count("music") >= 0.9 * len(songs)


def likely(speech: list[float], music: list[float]) -> Content:
    """Make a map of probabilities."""
    return Content(float(len(speech)), tuple(speech), tuple(music), (False,) * len(speech))


def test_music_under_speech_is_followed_as_far_as_it_may_go_on() -> None:
    spoken = [1.0] * 40
    bed = [0.0] * 14 + [0.3] * 2 + [0.9] * 6 + [0.3] * 3 + [0.0] * 15
    assert likely(spoken, bed).around("both", "music") == [(15.5, 22.5)]
    assert likely(spoken, bed).with_music() == [(13.5, 25.5)]
    aside = likely([1.0] * 16 + [0.0] * 6 + [1.0] * 18, bed)
    assert aside.with_music() == [(15.5, 22.5)], "a jingle ends where it ends"


def test_music_under_speech_reaches_the_near_ends_of_a_recording() -> None:
    spoken = [1.0] * 40
    assert likely(spoken, [0.0] * 8 + [0.9] * 24 + [0.0] * 8).with_music() == [(0.0, 40.0)]
    assert likely(spoken, [0.0] * 6 + [0.9] * 7 + [0.0] * 27).with_music() == [(5.5, 13.5)], "it is short"
    assert likely(spoken, [0.0] * 9 + [0.9] * 22 + [0.0] * 9).with_music() == [(8.5, 31.5)], "they are far"


def test_what_was_followed_is_not_lost_where_passages_meet() -> None:
    """A bed with a jingle behind it, and before it."""
    spoken = [1.0] * 23 + [0.0] * 5 + [1.0] * 13
    assert likely(spoken, [0.9] * 20 + [0.3] * 3 + [0.9] * 5 + [0.3] * 13).with_music() == [(0.0, 41.0)]
    spoken = [1.0] * 10 + [0.0] * 6 + [1.0] * 24
    bed = [0.3] * 10 + [0.9] * 6 + [0.3] * 3 + [0.9] * 8 + [0.0] * 13
    assert likely(spoken, bed).with_music() == [(0.0, 27.5)]


def test_passages_that_meet_are_one() -> None:
    spoken = [1.0] * 40
    assert likely(spoken, [0.0] * 12 + [0.9] * 5 + [0.3] * 4 + [0.9] * 5 + [0.0] * 14).with_music() == [(11.5, 26.5)]


@needs_corpus
@pytest.mark.parametrize("music_db", [5, -3])
def test_music_that_lasts_is_kept_throughout(music_db: float) -> None:
    """It begins softly, and was taken for noise in its first 6 to 9 s."""
    files = sorted((CORPUS / "speech_fullband" / "rhasspy_kathleen").glob("*.flac"))
    spoken = np.concatenate([read(file)[0].mean(axis=0) for file in files[:10]])
    music, rate = read(CORPUS / "music" / "openclonk" / "Motorway_e0.opus")
    frames = 20 * rate
    spoken, played = (audio[:frames] / audio[:frames].std() for audio in (spoken, music.mean(axis=0)))
    mixed = 0.1 * (spoken + 10 ** (music_db / 20) * played)
    assert heard(mixed[None], rate).with_music() == [(0.0, 20.0)]
