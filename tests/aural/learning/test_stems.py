"""Folders of songs: what is a song, what a stem, what is held out, and stems of unlike lengths."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from recordings import write

from aural import Block
from aural.errors import AudioError
from aural.learning.stems import is_voice, songs

RATE = 48000


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURAL_CACHE", str(tmp_path / "cache"))


def song(folder: Path, **seconds: float) -> None:
    folder.mkdir(parents=True)
    for number, (name, length) in enumerate(seconds.items(), 1):
        write(folder / f"{name}.wav", np.full((2, int(length * RATE)), 0.1 * number, np.float32))


def test_a_song_is_a_folder_of_stems_and_the_mixture_is_none(tmp_path: Path) -> None:
    song(tmp_path / "songs/b", vocals=0.2, drums=0.1, mixture=0.2)
    song(tmp_path / "songs/deep/a", Voice=0.1, music=0.1)
    song(tmp_path / "songs/alone", vocals=0.1, mixture=0.1)
    found = {song.name: song for song in songs(str(tmp_path / "songs"))}
    assert {name: sorted(song.stems) for name, song in found.items()} == {
        "b": ["drums", "vocals"],
        "deep/a": ["music", "voice"],
    }
    assert found["b"].seconds == pytest.approx(0.2)


@pytest.mark.parametrize(
    "name", ["vocals", "Lead Vocals", "backing_vocals2", "song_voice", "my-vox", "Stimme (voice)"]
)
def test_voices_are_known_by_a_word_of_their_name(name: str) -> None:
    assert is_voice(name)


@pytest.mark.parametrize(
    "name", ["no_vocals", "Mix without voice", "minus-vocals", "drums", "invoices", "vocalise", ""]
)
def test_other_stems_are_no_voices(name: str) -> None:
    assert not is_voice(name)


def test_stems_are_read_in_time_and_a_short_one_ends_in_silence(tmp_path: Path) -> None:
    song(tmp_path / "songs/a", vocals=0.2, drums=0.1)
    (found,) = songs(str(tmp_path / "songs"))
    whole = found.read(RATE)
    assert {name: stem.shape for name, stem in whole.items()} == {"vocals": (2, 9600), "drums": (2, 9600)}
    assert np.allclose(whole["vocals"], 0.1, atol=1e-4)
    assert np.allclose(whole["drums"], np.repeat([[0.2, 0.0]], 4800, axis=1), atol=1e-4)
    part = found.read(RATE, 4700, 200)["drums"]
    assert np.array_equal(part, whole["drums"][:, 4700:4900])


def test_one_channel_is_heard_in_both(tmp_path: Path) -> None:
    song(tmp_path / "songs/a", vocals=0.1, drums=0.1)
    write(tmp_path / "songs/a/drums.wav", np.full((1, 4800), 0.3, np.float32))
    (found,) = songs(str(tmp_path / "songs"))
    assert np.allclose(found.read(RATE)["drums"], 0.3, atol=1e-4)


def test_folders_called_train_and_test_are_believed(tmp_path: Path) -> None:
    for number in range(6):
        song(tmp_path / f"set/train/{number}", vocals=0.1, other=0.1)
    song(tmp_path / "set/test/one", vocals=0.1, other=0.1)
    parts = {part: {s.name for s in songs(str(tmp_path / "set"), part)} for part in ("train", "validation", "test")}
    assert parts["test"] == {"test/one"}
    assert parts["validation"]
    assert parts["train"] | parts["validation"] == {f"train/{number}" for number in range(6)}
    assert not parts["train"] & parts["validation"]


def test_excerpts_of_one_song_stay_together(tmp_path: Path) -> None:
    for name in ("one", "two", "three", "four"):
        for number in range(2):
            song(tmp_path / f"set/{name}_e{number}", vocals=0.1, other=0.1)
    parts = [{s.name for s in songs(str(tmp_path / "set"), part)} for part in ("train", "validation", "test")]
    assert sum(map(len, parts)) == 8
    for part in parts:
        assert len(part) == 2 * len({name.rpartition("_")[0] for name in part})


def test_songs_that_are_numbered_are_different_songs(tmp_path: Path) -> None:
    for number in range(6):
        song(tmp_path / f"set/Track {number:02d}", vocals=0.1, other=0.1)
    parts = [songs(str(tmp_path / "set"), part) for part in ("train", "validation", "test")]
    assert sum(map(len, parts)) == 6


def test_what_is_no_folder_of_songs_is_said(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="nowhere: no such folder"):
        songs(str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioError, match="no audio in this folder"):
        songs(str(tmp_path / "empty"))
    song(tmp_path / "alone/a", vocals=0.1)
    with pytest.raises(AudioError, match="a song is a folder with a recording of each stem"):
        songs(str(tmp_path / "alone"))
    song(tmp_path / "few/a", vocals=0.1, other=0.1)
    with pytest.raises(AudioError, match="no song for validation; the split needs three songs or more"):
        songs(str(tmp_path / "few"), "validation")


def multitrack(path: Path, sounds: list[Block]) -> Path:
    """Write an MP4 with a sound track for each signal, without loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4") as target:
        streams = [target.add_stream("alac", rate=44100, layout="stereo") for _ in sounds]
        for stream, sound in zip(streams, sounds, strict=True):
            pcm = np.ascontiguousarray(np.rint(sound * 32767).astype(np.int16))
            frame = av.AudioFrame.from_ndarray(pcm, format="s16p", layout="stereo")
            frame.rate = 44100
            target.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def test_a_stem_mp4_is_a_song_with_a_track_for_each_stem(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sounds = [rng.uniform(-0.5, 0.5, (2, 4096)).astype(np.float32) for _ in range(4)]
    for name in ("train/a", "train/b", "train/c", "test/d"):
        multitrack(tmp_path / f"{name}.stem.mp4", [np.mean(sounds, axis=0), *sounds])
    assert [song.name for song in songs(str(tmp_path), "test")] == ["test/d"]
    (song, *_) = songs(str(tmp_path))
    assert list(song.stems) == ["drums", "bass", "other", "vocals"]
    for found, wanted in zip(song.read(44100).values(), sounds, strict=True):
        np.testing.assert_allclose(found[:, :4096], wanted, atol=1e-4)
