"""Ten recordings of the kinds people have, through `aural clean` in one go: decisions, figures, the known truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import film, packets
from recordings import CORPUS, invoke, needs_corpus, write
from scipy.signal import butter, fftconvolve, sosfilt

from aural.audio.files import read
from aural.audio.writing import write_audio
from aural.learning.metrics.distortion import si_sdr
from aural.learning.metrics.speech import pesq
from aural.signals import Block, Format

pytestmark = [pytest.mark.corpus, needs_corpus]

RATE = 48000
SECONDS = 9


@dataclass(frozen=True)
class Truth:
    """What a recording was before it was spoilt, and what must come of it."""

    clean: Block
    """One channel."""
    preset: str
    ran: tuple[str, ...]
    """Stages that must run."""
    measure: Callable[[Block, Block, int], float] = pesq
    gain: float = 0.0
    """By how much the measure must rise at least; negative: by how much it may fall, as limited peaks cost SI-SDR."""
    begins_s: int = 0
    """Where it is measured."""
    channel: int = 0


def take(folder: str, number: int, seconds: float = SECONDS) -> Block:
    """Return the beginning of a recording of the corpus, at one loudness, one channel."""
    files = sorted((CORPUS / folder).rglob("*.opus"))
    audio, rate = read(files[number])
    assert rate == RATE
    mono = audio.mean(axis=0)[: round(seconds * RATE)]
    mono = np.pad(mono, (0, round(seconds * RATE) - mono.size))
    return np.asarray(0.06 * mono / np.std(mono), np.float32)


def noise(frames: int, below_db: float, seed: int, colour: float = 0.95) -> Block:
    """Return noise so far below a voice; `colour` near 1 makes it dark."""
    white = np.random.default_rng(seed).standard_normal(frames + RATE)
    dark = sosfilt(np.array([[1, 0, 0, 1, -colour, 0]]), white)[RATE:]
    return np.asarray(0.06 * 10 ** (-below_db / 20) * dark / np.std(dark), np.float32)


def hall(voice: Block) -> Block:
    """Return a voice as it sounds far away in a hall that rings for 1.2 s."""
    rng, n = np.random.default_rng(5), round(1.5 * RATE)
    tail = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / (1.2 * RATE))
    tail[: round(0.012 * RATE)] = 0
    response = np.r_[1.0, 1.2 * tail[1:] / np.sqrt(np.sum(tail**2))]
    wet = fftconvolve(voice, response)[: voice.size]
    return np.asarray(0.03 * wet / np.std(wet), np.float32)


def record(folder: Path) -> dict[str, Truth]:
    """Write the ten recordings; return the truth of each by its name."""
    richard = [take("speech/freeswitch_richard", number) for number in range(8)]
    song = take("music/unknown_horizons", 0)
    frames = richard[0].size
    truths: dict[str, Truth] = {}

    jingle = np.r_[song[: 4 * RATE], richard[0]] + noise(4 * RATE + frames, 40, 1)
    write(folder / "jingle_podcast.wav", jingle[None])
    truths["jingle_podcast.wav"] = Truth(song[: 4 * RATE], "", (), si_sdr, -40.0)

    voice = np.r_[np.zeros(6 * RATE, np.float32), richard[1]]
    noisy = voice + np.r_[np.zeros(6 * RATE, np.float32), noise(frames, 15, 2)]
    write(folder / "silent_start.flac", noisy[None], subtype="PCM_24")
    truths["silent_start.flac"] = Truth(richard[1], "voice-memo", ("noise-reduction",), gain=0.2, begins_s=6)

    write(folder / "far_hall.wav", (hall(richard[2]) + noise(frames, 35, 3))[None])
    truths["far_hall.wav"] = Truth(richard[2], "", ("master",), gain=-0.05)

    clipped = np.clip(6 * richard[3] + noise(frames, 30, 4), -0.5, 0.5)
    write_audio(folder / "clipped_phone.m4a", [clipped[None]], Format(RATE, 1), bit_rate=64_000)
    truths["clipped_phone.m4a"] = Truth(richard[3], "voice-memo", ("master",), si_sdr, -2.0)

    dull = sosfilt(butter(8, 5000, fs=RATE, output="sos"), richard[4])
    write(folder / "cassette.wav", (dull + noise(frames, 20, 5, 0.0))[None].astype(np.float32))
    truths["cassette.wav"] = Truth(richard[4], "voice-memo", ("noise-reduction",), gain=0.2)

    write_audio(
        folder / "whatsapp.opus", [(richard[5] + noise(frames, 12, 6))[None]], Format(RATE, 1), bit_rate=24_000
    )
    truths["whatsapp.opus"] = Truth(richard[5], "voice-memo", ("noise-reduction",), gain=0.2)

    time = np.arange(frames) / RATE
    hum = sum(0.01 / k * np.sin(2 * np.pi * 50 * k * time + k) for k in (1, 2, 3, 5))
    write(folder / "rehearsal.wav", (song + hum)[None].astype(np.float32), subtype="PCM_24")
    truths["rehearsal.wav"] = Truth(song, "song", ("noise-reduction",), si_sdr, 2.0)

    film(folder / "lecture.mp4", (richard[6] + noise(frames, 15, 7))[None])
    truths["lecture.mp4"] = Truth(richard[6], "voice-memo", ("noise-reduction",), gain=0.2)

    stereo = np.stack([song, np.roll(song, 40)])
    write_audio(folder / "album.mp3", [stereo], Format(RATE, 2), bit_rate=96_000)
    truths["album.mp3"] = Truth(song, "old-mp3", ("frequency-generation", "master"), si_sdr, -6.0)

    centre, music = richard[7], take("music/ancientbeast", 0)
    surround = np.stack([0.3 * music, 0.3 * np.roll(music, 99), centre, 0.0 * music, 0.1 * music, 0.1 * music])
    film(folder / "film_5_1.mkv", surround.astype(np.float32))
    truths["film_5_1.mkv"] = Truth(centre, "", ("master",), si_sdr, -12.0, channel=2)
    return truths


@dataclass(frozen=True)
class Batch:
    """All ten before and after."""

    before: Path
    after: Path
    truths: dict[str, Truth]
    told: dict[str, dict[str, Any]]
    """What `--json` says of each."""

    def result(self, name: str) -> Path:
        return Path(self.told[name]["target"])

    def scores(self, name: str) -> tuple[float, float]:
        """Measure a recording against its truth before and after."""
        truth = self.truths[name]
        found = []
        for path in (self.before / name, self.result(name)):
            audio, rate = read(path)
            heard = audio[truth.channel, truth.begins_s * rate :][: truth.clean.size]
            found.append(truth.measure(truth.clean[: heard.size], heard, rate))
        return found[0], found[1]


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """Record and clean all ten."""
    before, after = tmp_path_factory.mktemp("before"), tmp_path_factory.mktemp("after")
    truths = record(before)
    code, out, err = invoke("clean", before, "-o", after, "--json")
    assert code == 0, err
    told = {Path(one["source"]).name: one for one in json.loads(out)}
    return Batch(before, after, truths, told)


NAMES = (
    "jingle_podcast.wav",
    "silent_start.flac",
    "far_hall.wav",
    "clipped_phone.m4a",
    "cassette.wav",
    "whatsapp.opus",
    "rehearsal.wav",
    "lecture.mp4",
    "album.mp3",
    "film_5_1.mkv",
)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_done(ten: Batch, name: str) -> None:
    truth, told = ten.truths[name], ten.told[name]
    ran = [stage["name"] for stage in told["stages"] if stage["runs"]]
    assert not truth.preset or told["preset"] == truth.preset
    assert set(truth.ran) <= set(ran)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_nearer_to_the_truth(ten: Batch, name: str) -> None:
    before, after = ten.scores(name)
    print(name, ten.told[name]["preset"], f"{before:.2f} -> {after:.2f}")
    assert after - before > ten.truths[name].gain


@pytest.mark.parametrize("name", NAMES)
def test_level_and_peaks_are_as_promised(ten: Batch, name: str) -> None:
    after = ten.told[name]["after"]
    goal = -14 if ten.told[name]["preset"] in ("song", "old-mp3") else -16
    assert goal - 4 < after["loudness"]["integrated_lufs"] < goal + 0.2
    assert after["true_peak_dbtp"] < -0.9


@pytest.mark.parametrize("name", ["lecture.mp4", "film_5_1.mkv"])
def test_films_keep_picture_and_channels(ten: Batch, name: str) -> None:
    assert packets(ten.before / name, "video") == packets(ten.result(name), "video")
    before, after = (read(path)[0] for path in (ten.before / name, ten.result(name)))
    assert before.shape == after.shape


def test_music_keeps_its_place(ten: Batch) -> None:
    """The jingle beside the voice, and the music in the other channels of a film, are as loud beside it as before."""

    def beside_db(audio: Block, music: tuple[int, slice], voice: tuple[int, slice]) -> float:
        return 20 * float(np.log10(np.std(audio[music]) / np.std(audio[voice])))

    behind = slice(None)
    for name, music, voice in (
        ("jingle_podcast.wav", (0, slice(0, 4 * RATE)), (0, slice(4 * RATE, None))),
        ("film_5_1.mkv", (0, behind), (2, behind)),
    ):
        before, after = (beside_db(read(path)[0], music, voice) for path in (ten.before / name, ten.result(name)))
        assert after == pytest.approx(before, abs=1.5)
