"""What is no recording, or claims to be what none can be: refused in one sentence, and nothing else is opened."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from containers import needs_ffmpeg
from odd_files import RATE, chunk, coded, fmt, noise, pcm, refused, riff, written

AUDIO = noise()


@pytest.mark.parametrize("suffix", [".mp3", ".m3u8", ".wav", ""])
@pytest.mark.parametrize(
    "text",
    ["#EXTM3U\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile '{}'\n", "[playlist]\nFile1={}\n",
     "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=audio 9 RTP/AVP 0\n"],
)  # fmt: skip
def test_a_playlist_opens_no_other_file(tmp_path: Path, text: str, suffix: str) -> None:
    secret = written(tmp_path, "secret.wav", riff(fmt(), chunk(b"data", pcm(AUDIO))))
    refused(written(tmp_path, f"a{suffix}", text.format(secret).encode()), "is a list of other files")
    refused(written(tmp_path, f"a{suffix}", ("\n\n;\n" + text.format(secret)).encode()), "is no recording|is a list")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n"),
        ("a.mp3", "ffconcat version 1.0\nfile secret.ts\n"),
    ],
)
@needs_ffmpeg
def test_ffmpeg_opens_no_playlist_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    """The guard behind the sentence: demuxers that open other files are not allowed."""
    written(tmp_path, "secret.ts", coded(tmp_path, "secret.ts", AUDIO, "-c:a aac"))
    path = written(tmp_path, name, text.encode())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("aural.audio.files.PLAYLISTS", (b"nothing",))
    refused(path, "is no recording that can be read")


@pytest.mark.parametrize("value", [3e38, -3e9, np.nan, np.inf])
def test_what_no_recording_can_hold(tmp_path: Path, value: float) -> None:
    audio = AUDIO.copy()
    audio[1, 12000] = value
    path = tmp_path / "a.wav"
    soundfile.write(path, audio.T, RATE, "FLOAT")
    refused(path, r"holds (a sample of 3e\+\d\d|NaN or infinity) at 0\.25 s")


def test_doubles_beyond_float(tmp_path: Path) -> None:
    audio = AUDIO.astype(np.float64)
    audio[0, 12000] = 1e300
    soundfile.write(tmp_path / "a.wav", audio.T, RATE, "DOUBLE")
    refused(tmp_path / "a.wav", "holds NaN or infinity at 0.25 s")


IMPOSSIBLE = "names a number of channels, or a sample rate, that no recording has"


@pytest.mark.parametrize(
    ("rate", "channels", "why"),
    [(1_000_000, 2, "a sample rate is"), (2**31 - 1, 2, "a sample rate is"), (2**32 - 1, 1, "is no recording"),
     (0, 1, "is no recording"), (48000, 65, "has 65 channels"), (48000, 0, IMPOSSIBLE), (48000, 60000, IMPOSSIBLE)],
)  # fmt: skip
def test_a_header_that_lies(tmp_path: Path, rate: int, channels: int, why: str) -> None:
    width = 2 * channels
    head = chunk(b"fmt ", struct.pack("<HHIIHH", 1, channels, rate, (rate * width) % 2**32, width % 2**16, 16))
    path = written(tmp_path, "a.wav", riff(head, chunk(b"data", bytes(240_000))))
    tracemalloc.start()
    refused(path, why)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["a.raw", "a.pcm", "a.s16", "a.wav", "a.m4a", "a.g729", "a"])
@pytest.mark.parametrize("content", ["noise", "zeros", "text"])
def test_what_is_no_recording(tmp_path: Path, name: str, content: str) -> None:
    rng = np.random.default_rng(1)
    data = {"noise": rng.bytes(20_000), "zeros": bytes(20_000), "text": b"Dear diary, " * 2000}[content]
    refused(written(tmp_path, name, data), "is no recording|holds no audio")
