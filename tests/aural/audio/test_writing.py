"""Level, length, channels and depth of what is written."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from about import decoded
from recordings import voice, write

from aural import AudioError, Format
from aural.audio import riff
from aural.audio.files import open_audio
from aural.audio.layouts import speakers
from aural.audio.riff import mask
from aural.audio.writing import write_audio


def tone(seconds: float, rate: int, channels: int, hz: float = 997.0) -> np.ndarray:
    x = 0.25 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return np.repeat(x[None], channels, axis=0).astype(np.float32)


def gain_db(heard: np.ndarray, audio: np.ndarray) -> np.ndarray:
    middle = slice(audio.shape[1] // 4, 3 * audio.shape[1] // 4)
    pairs = zip(heard[:, middle], audio[:, middle], strict=True)
    return np.array([20 * np.log10(np.dot(a, b) / np.dot(b, b)) for a, b in pairs])


CASES = [
    *[(".mp3", 48000, ch, kbps) for ch in (1, 2) for kbps in (None, 64, 128, 160, 177, 192, 220, 224, 250, 256, 320)],
    *[(".mp3", rate, 1, kbps) for rate in (8000, 16000, 22050, 32000, 44100) for kbps in (None, 32, 128, 320)],
    *[(".m4a", rate, ch, kbps) for rate in (44100, 48000) for ch in (1, 2) for kbps in (None, 128, 256)],
    *[(".opus", 48000, ch, kbps) for ch in (1, 2) for kbps in (None, 64, 256)],
]


@pytest.mark.parametrize(("suffix", "rate", "channels", "kbps"), CASES)
def test_codecs_keep_the_level(tmp_path: Path, suffix: str, rate: int, channels: int, kbps: int | None) -> None:
    audio = tone(1.0, rate, channels)
    write_audio(tmp_path / f"a{suffix}", [audio], Format(rate, channels), bit_rate=kbps and 1000 * kbps)
    np.testing.assert_allclose(gain_db(decoded(tmp_path / f"a{suffix}")[0], audio), 0, atol=0.05)


@pytest.mark.parametrize("suffix", [".mp3", ".opus", ".ogg", ".webm", ".m4a", ".mp4", ".flac", ".wav", ".aiff"])
@pytest.mark.parametrize("frames", [1, 960, 1024, 48000, 50123])
def test_codecs_keep_time_and_length(tmp_path: Path, suffix: str, frames: int) -> None:
    if frames == 1 and suffix in (".mp3", ".webm"):
        pytest.skip("FFmpeg takes away no more than one packet of padding")
    path = tmp_path / f"a{suffix}"
    rng = np.random.default_rng(0)
    audio = (0.1 * np.convolve(rng.standard_normal(frames + 40), np.hanning(41), "valid")[None, :frames]).astype("f4")
    write_audio(path, [audio], Format(48000, 1))
    heard = decoded(path)[0]
    if suffix in (
        ".m4a",
        ".mp4",
    ):  # FFmpeg itself plays to the end of the last packet; the edit list says where to stop
        with av.open(str(path)) as file:
            stream = file.streams.audio[0]
            assert (stream.duration or 0) * float(stream.time_base or 0) * 48000 == pytest.approx(frames, abs=1e-6)
        heard = heard[:, :frames]
    assert heard.shape == (1, frames)
    if frames > 10_000:
        spectrum = np.fft.rfft(heard[0]) * np.conj(np.fft.rfft(audio[0]))
        assert np.argmax(np.fft.irfft(spectrum)) == 0  # the best fit is where it was


LAYOUTS = {"quad": 4, "5.0(side)": 5, "5.1": 6, "5.1(side)": 6, "6.1": 7, "7.1": 8}


REFUSED = [(".opus", "5.0(side)"), (".opus", "6.1"), (".m4a", "6.1")]


def placed(layout: str) -> Format:
    return Format(48000, LAYOUTS[layout], layout)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".m4a", ".opus"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_channel_keeps_its_place(tmp_path: Path, suffix: str, layout: str) -> None:
    channels = LAYOUTS[layout]
    hz = 60 + 11 * np.arange(channels)  # low: the codecs pass no more of the low-frequency channel
    audio = (0.1 * np.sin(2 * np.pi * np.outer(hz, np.arange(96000) / 48000))).astype(np.float32)
    path = tmp_path / f"a{suffix}"
    if (suffix, layout) in REFUSED:
        with pytest.raises(AudioError, match=rf"a{suffix}: {suffix[1:]} cannot hold "):
            write_audio(path, [audio], placed(layout))
        return
    write_audio(path, [audio], placed(layout))
    heard, found, _ = decoded(path)
    spectra = np.abs(np.fft.rfft(heard[:, 24000:72000] * np.hanning(48000)))
    assert list(spectra.argmax(axis=1)) == list(hz)
    sides = suffix in (".m4a", ".opus")  # which know one pair behind the listener, and call it the back
    assert found == (layout.replace("(side)", "") if sides else layout)


@pytest.mark.parametrize(
    ("suffix", "channels", "why"),
    [
        (".mp3", 3, "mp3 cannot hold 3 channels; write .wav"),
        (".opus", 9, "opus cannot hold 9 channels; write .wav"),
        (".flac", 9, "flac cannot hold 9 channels; write .wav"),
    ],
)
def test_what_a_format_cannot_hold(tmp_path: Path, suffix: str, channels: int, why: str) -> None:
    with pytest.raises(AudioError, match=why):
        write_audio(tmp_path / f"a{suffix}", [voice(0.1, channels)], Format(48000, channels))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("channels", "known"), [(7, True), (12, False), (32, False)])
def test_wav_holds_any_number_of_channels(tmp_path: Path, channels: int, known: bool) -> None:
    audio = np.round(1000 * np.random.default_rng(0).uniform(-1, 1, (channels, 999))).astype(np.float32) / np.float32(
        2**15
    )
    for suffix in (".wav", ".aiff"):
        write_audio(tmp_path / f"a{suffix}", [audio], Format(48000, channels))
        np.testing.assert_array_equal(soundfile.read(tmp_path / f"a{suffix}", dtype="float32")[0].T, audio)


def test_channel_masks() -> None:
    assert mask(speakers("5.1")) == 0x3F
    assert mask(speakers("5.1(side)")) == 0x60F
    assert mask(speakers("7.1")) == 0x63F
    assert mask(speakers("nonsense")) == 0
    assert mask(["FR", "FL"]) == 0  # the mask has an order of its own


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff"])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_depth_is_kept(tmp_path: Path, suffix: str, subtype: str) -> None:
    like = open_audio(write(tmp_path / "like.wav", voice(0.1), subtype=subtype)).info
    audio = np.round(voice(0.2) * 2**7).astype(np.float32) / np.float32(2**7)  # on every grid
    write_audio(tmp_path / f"a{suffix}", [audio], Format(48000, 1), like=like)
    kept = soundfile.info(tmp_path / f"a{suffix}").subtype
    flac = {"PCM_U8": "PCM_16", "PCM_32": "PCM_24", "FLOAT": "PCM_24", "DOUBLE": "PCM_24"}
    wanted = flac.get(subtype, subtype) if suffix == ".flac" else subtype
    assert kept == (wanted.replace("U8", "S8") if suffix == ".aiff" else wanted)
    np.testing.assert_array_equal(soundfile.read(tmp_path / f"a{suffix}", dtype="float32")[0], audio[0])


@pytest.mark.parametrize("large", [False, True])
def test_long_files_become_rf64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    monkeypatch.setattr(riff, "LARGEST_WAV_BYTES", 100_000 if large else 200_000)
    write_audio(tmp_path / "a.wav", [voice(1.0)], Format(48000, 1))
    info = soundfile.info(tmp_path / "a.wav")
    assert (info.format, info.frames) == ("RF64" if large else "WAV", 48000)
    np.testing.assert_allclose(soundfile.read(tmp_path / "a.wav")[0], voice(1.0)[0], atol=2**-23)
    np.testing.assert_allclose(decoded(tmp_path / "a.wav")[0], voice(1.0), atol=2**-23)
