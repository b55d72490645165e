"""Files in and out."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import EXAMPLE, voice, write

from aural import AudioError, Format
from aural.audio.files import open_audio, read
from aural.audio.writing import SUFFIXES, quantise, write_audio
from aural.audio.writing import write as write_whole
from aural.cli.options import FileName
from aural.testing import partition


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_written_is_read_again(tmp_path: Path, suffix: str, channels: int) -> None:
    audio = voice(2.0, channels)
    path = tmp_path / f"a{suffix}"
    write_audio(path, partition(audio, 0), Format(48000, channels))
    again, rate = read(path)
    assert rate == 48000
    assert again.shape[0] == channels
    assert abs(again.shape[1] - audio.shape[1]) < 1500  # codecs pad to whole frames at the end, never at the start
    frames = min(again.shape[1], audio.shape[1])
    error = np.mean((again[:, :frames] - audio[:, :frames]) ** 2) / np.mean(audio**2)
    assert error < (1e-12 if suffix in (".wav", ".flac", ".aif", ".aiff") else 0.12)


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".opus"])
def test_codecs_keep_the_level(tmp_path: Path, suffix: str) -> None:
    tone = 0.25 * np.sin(2 * np.pi * 1000 * np.arange(96000) / 48000)[np.newaxis].astype(np.float32)
    write_whole(tmp_path / f"a{suffix}", tone, 48000)
    again = read(tmp_path / f"a{suffix}")[0][:, 24000:72000]
    assert 20 * np.log10(np.std(again) / np.std(tone)) == pytest.approx(0, abs=0.1)


def test_a_rate_the_codec_does_not_know(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.opus", voice(1.0), 44100)
    assert read(tmp_path / "a.opus")[1] == 48000
    write_whole(tmp_path / "a.mp3", voice(1.0), 96000)
    assert read(tmp_path / "a.mp3")[1] == 48000


def test_the_example() -> None:
    file = open_audio(EXAMPLE)
    assert (file.info.codec, file.info.bits, file.format) == ("aac", None, Format(44100, 1))
    blocks = list(file)
    assert sum(block.shape[-1] for block in blocks) == pytest.approx(file.info.frames, abs=2048)
    assert all(block.dtype == np.float32 for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks, axis=-1), np.concatenate(list(file), axis=-1))


@given(st.sampled_from([8, 16, 24]), st.integers(0, 10))
def test_values_on_the_grid_are_not_dithered(bits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (2, 100))
    block = (whole / 2.0 ** (bits - 1)).astype(np.float32)
    np.testing.assert_array_equal(quantise(block, bits, rng), whole << (32 - bits))


def test_dither_makes_the_error_independent_of_the_signal() -> None:
    quiet = np.full((1, 200_000), 0.3 / 2**15, np.float32)  # a third of a step: rounding alone would lose it
    steps = quantise(quiet, 16, np.random.default_rng(0)) >> 16
    assert steps.mean() == pytest.approx(0.3, abs=0.01)


def test_dither_does_not_depend_on_blocks() -> None:
    audio = voice(1.0, 2)
    rng = np.random.default_rng(0)
    parts = [quantise(block, 16, rng) for block in partition(audio, 3)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=-1), quantise(audio, 16, np.random.default_rng(0)))


def test_over_full_scale_is_clipped_not_wrapped(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.wav", np.array([[1.5, -1.5]], np.float32), 48000)
    np.testing.assert_allclose(read(tmp_path / "a.wav")[0], [[1, -1]], atol=1e-6)


@pytest.mark.parametrize("suffix", [".flac", ".m4a"])
def test_what_is_clipped_is_told(tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture) -> None:
    audio = voice(1.0) / np.abs(voice(1.0)).max()
    write_whole(tmp_path / f"a{suffix}", audio, 48000)
    assert not caplog.text
    audio[0, 1000:1003] = 2.0, -2.0, 1.5
    write_whole(tmp_path / f"a{suffix}", audio, 48000)
    assert f"a{suffix}: 3 samples clipped, up to 6.0 dB beyond full scale" in caplog.text


def test_floats_hold_what_lies_beyond_full_scale(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    like = open_audio(write(tmp_path / "like.wav", voice(1.0), subtype="FLOAT")).info
    write_audio(tmp_path / "a.wav", [4 * voice(1.0)], Format(48000, 1), like=like)
    assert np.array_equal(read(tmp_path / "a.wav")[0], 4 * voice(1.0))
    assert not caplog.text


@pytest.mark.parametrize("suffix", [".wav", ".m4a", ".opus"])
def test_a_colon_belongs_to_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    monkeypatch.chdir(tmp_path)
    write_whole(f"12:30{suffix}", voice(1.0), 48000)
    assert abs(read(f"12:30{suffix}")[0].shape[1] - 48000) < 1500


@pytest.mark.parametrize(
    ("audio", "why"),
    [
        (np.full((1, 99), np.nan, np.float32), "NaN"),
        (np.ones((1, 99), np.int16), "floats"),
        (np.ones((2, 2, 9)), "shape"),
    ],
)
def test_what_is_no_audio_is_not_written(tmp_path: Path, audio: np.ndarray, why: str) -> None:
    with pytest.raises(AudioError, match=why):
        write_whole(tmp_path / "a.wav", audio, 48000)
    assert not list(tmp_path.iterdir())


def test_one_channel_without_an_axis_is_written(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.mp3", voice(1.0)[0].astype(np.float64), 48000)
    assert read(tmp_path / "a.mp3")[0].shape[0] == 1


def test_a_pipe_is_no_empty_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AudioError, match="is a pipe; name the input -"):
        open_audio(tmp_path / "pipe")


def test_nothing_is_left_of_a_failed_write(tmp_path: Path) -> None:
    def blocks():  # type: ignore[no-untyped-def]
        yield voice(1.0)
        raise AudioError("no more")

    with pytest.raises(AudioError, match="no more"):
        write_audio(tmp_path / "a.wav", blocks(), Format(48000, 1))
    assert not list(tmp_path.iterdir())


def test_zeros_behind_an_mp3_that_counts_its_frames_are_no_promise(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.mp3", voice(4.0), 48000)
    (tmp_path / "a.mp3").write_bytes((tmp_path / "a.mp3").read_bytes() + bytes(40000))
    assert read(tmp_path / "a.mp3")[0].shape[-1] == pytest.approx(4 * 48000, abs=2000)


def test_a_file_that_may_not_be_read_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line leaves it to the reader, which says so of this file alone."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert FileName().convert(write(tmp_path / "a.wav", voice(0.5)), None, None) == tmp_path / "a.wav"
