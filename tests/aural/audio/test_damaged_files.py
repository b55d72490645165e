"""Files that are cut short, holed or damaged: what is there is read, what is missing is told."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from containers import ffmpeg, needs_ffmpeg, tones
from odd_files import RATE, chunk, coded, fmt, noise, ogg_crc, pcm, refused, riff, written

from aural import AudioError
from aural.audio.files import open_audio, read
from aural.signals import Block

AUDIO = noise()
MP3 = "-c:a libmp3lame -b:a 128k -id3v2_version 0"
FRAME = 4608
"""The longest frame of what is coded here; of the last one, a part may be there."""


def read_to_its_end(path: Path, whole: Block, why: str, caplog: pytest.LogCaptureFixture) -> None:
    """Read about half a file: its sound must be the beginning of the whole, a warning say why, strict refuse it."""
    audio, _ = read(path)
    ends = int(np.flatnonzero(audio.any(axis=0))[-1]) + 1
    assert 0.4 * whole.shape[1] <= ends <= audio.shape[1] <= ends + FRAME
    np.testing.assert_allclose(audio[:, : ends - FRAME], whole[:, : ends - FRAME], atol=1e-6)
    assert len(re.findall(f"{re.escape(str(path))}: {why}; what is there is read", caplog.text)) == 1
    refused(path, why, strict=True)


@pytest.mark.parametrize("container", ["WAV", "AIFF", "AU", "CAF", "W64", "RF64", "FLAC"])
def test_what_is_cut_short_is_told(tmp_path: Path, container: str, caplog: pytest.LogCaptureFixture) -> None:
    path, audio = tmp_path / "a.x", noise(frames=3 * RATE)
    soundfile.write(path, audio.T, RATE, "PCM_16", format=container)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    read_to_its_end(path, audio, r"is cut short: ends at 1\.\d s of 3\.0 s", caplog)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "options"), [("a.mp3", MP3), ("a.m4a", "-c:a aac -movflags +faststart"), ("a.wav", "-c:a adpcm_ms")]
)
def test_what_is_coded_and_cut_short_is_told(
    tmp_path: Path, name: str, options: str, caplog: pytest.LogCaptureFixture
) -> None:
    data = coded(tmp_path, name, noise(frames=3 * RATE), options)
    whole, _ = read(written(tmp_path, name, data))
    half = written(tmp_path, name, data[: len(data) * 55 // 100])
    read_to_its_end(half, whole, r"is cut short: ends at 1\.\d s of 3\.0 s", caplog)


@needs_ffmpeg
@pytest.mark.parametrize("codec", ["libvorbis", "libopus", "flac"])
def test_an_ogg_file_whose_last_page_is_missing(tmp_path: Path, codec: str, caplog: pytest.LogCaptureFixture) -> None:
    """It says nothing of its length, but its last page bears a mark."""
    data = coded(tmp_path, "a.ogg", noise(frames=3 * RATE), f"-c:a {codec} -page_duration 100000")
    whole, _ = read(written(tmp_path, "a.ogg", data))
    why = "has no end mark: it may be cut short"
    read_to_its_end(written(tmp_path, "b.ogg", data[: len(data) * 55 // 100]), whole, why, caplog)
    caplog.clear()
    joined, _ = read(written(tmp_path, "c.ogg", data[: len(data) * 55 // 100] + data))
    np.testing.assert_allclose(joined[:, -whole.shape[1] :], whole, atol=1e-6)
    assert caplog.text.count(why) == 1
    assert read(written(tmp_path, "a.ogg", data), strict=True)[0].shape == whole.shape


@needs_ffmpeg
def test_an_ogg_file_without_its_end_mark(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = bytearray(coded(tmp_path, "a.ogg", AUDIO, "-c:a libvorbis"))
    whole, _ = read(written(tmp_path, "a.ogg", bytes(data)))
    last = data.rindex(b"OggS")
    data[last + 5] &= ~4
    data[last + 22 : last + 26] = bytes(4)
    struct.pack_into("<I", data, last + 22, ogg_crc(bytes(data[last:])))
    np.testing.assert_array_equal(read(written(tmp_path, "b.ogg", bytes(data)))[0], whole)
    assert caplog.text.count("b.ogg: has no end mark: it may be cut short; what is there is read") == 1


def test_a_size_beyond_all_measure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file of half a second whose header says six GiB is read like any other that is cut short."""
    size = 6 << 30
    ds64 = chunk(b"ds64", struct.pack("<QQQI", size, size, size // 4, 0))
    data = riff(ds64, fmt(), chunk(b"data", pcm(AUDIO), 0xFFFFFFFF), size=0xFFFFFFFF, form=b"RF64")
    np.testing.assert_array_equal(read(written(tmp_path, "a.wav", data))[0], AUDIO)
    assert "is cut short: ends at 0.5 s of 33554.4 s; what is there is read" in caplog.text


@needs_ffmpeg
@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "aac"), ("a.mp4", "aac"), ("a.webm", "libopus")])
def test_a_hole_is_silence(tmp_path: Path, name: str, codec: str, caplog: pytest.LogCaptureFixture) -> None:
    whole, holed = tmp_path / f"whole_{name}", tmp_path / name
    source = written(tmp_path, "a.wav", riff(fmt(), chunk(b"data", pcm(noise(frames=3 * RATE)))))
    ffmpeg("-i", str(source), "-c:a", codec, "-b:a", "256k", str(whole))
    ffmpeg("-i", str(whole), "-c", "copy", "-bsf:a", "noise=amount=0:drop=between(n\\,40\\,60)", str(holed))
    expected, audio = read(whole)[0], read(holed)[0]
    lost = 21 * (1024 if codec == "aac" else 960)
    assert audio.shape[1] == pytest.approx(expected.shape[1], abs=48)
    assert np.count_nonzero(~audio.any(axis=0)) == pytest.approx(lost, abs=48)
    at = 48 * 2 + int(np.argmax(np.abs(np.correlate(audio[0, -RATE - 48 * 2 :], expected[0, -RATE : -RATE // 2]))))
    assert abs(at - 48 * 4) <= 48
    assert caplog.text.count(" s of sound at 0.") == 1
    refused(holed, "cannot be read, or is missing", strict=True)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "options", "frames"),
    [("a.flac", "-c:a flac -frame_size 4096", 4096), ("a.m4a", "-c:a alac", 4096), ("a.wv", "-c:a wavpack", 24000),
     ("a.m4a", "-c:a aac", 3072), ("a.mp3", MP3, 3 * 1152)],
)  # fmt: skip
def test_one_damaged_frame(
    tmp_path: Path, name: str, options: str, frames: int, caplog: pytest.LogCaptureFixture
) -> None:
    signal = tones(RATE, 2, 4.0) if options.endswith("aac") else noise(frames=4 * RATE)
    data = bytearray(coded(tmp_path, name, signal, options))
    whole, _ = read(written(tmp_path, name, bytes(data)))
    middle = len(data) // 2
    data[middle : middle + 40] = b"\x55" * 40
    path = written(tmp_path, name, bytes(data))
    file = open_audio(path)
    audio = np.concatenate(list(file), axis=-1)
    assert audio.shape[1] == whole.shape[1]
    different = np.flatnonzero(np.abs(audio - whole).max(axis=0) > 1e-4)
    assert 0 < different[-1] - different[0] <= 2 * frames
    list(file)
    assert caplog.text.count("cannot be read, or is missing; silence stands in its place") <= 1
    if name != "a.m4a" and name != "a.mp3":
        refused(path, "s of sound at .* cannot be read", strict=True)


@needs_ffmpeg
def test_a_lost_page_of_ogg(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = bytearray(coded(tmp_path, "a.opus", noise(frames=4 * RATE), "-c:a libopus"))
    pages = [at for at in range(len(data) - 4) if data[at : at + 4] == b"OggS"]
    data[pages[3] : pages[3] + 20] = b"\x55" * 20
    audio = read(written(tmp_path, "a.opus", bytes(data)))[0]
    assert audio.shape[1] == 4 * RATE
    assert np.count_nonzero(~audio.any(axis=0)) == pytest.approx(RATE, abs=960)
    assert "1.00 s of sound at" in caplog.text


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, "a.wav", riff(fmt(), chunk(b"data", pcm(AUDIO))))
    file = open_audio(path)
    written(tmp_path, "a.wav", riff(fmt(), chunk(b"data", pcm(AUDIO[:, :999]))))
    with pytest.raises(AudioError, match="has changed while it was read"):
        list(file)
