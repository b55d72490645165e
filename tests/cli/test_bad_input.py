"""Bad input: one clear sentence, exit code 2, nothing half-written; the other files of a batch are done."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from recordings import EXAMPLE, aural, invoke, refused, voice, write
from safetensors.torch import save_file

from aural.audio.files import read
from aural.signals import Block


def test_missing(tmp_path: Path) -> None:
    refused(tmp_path, "nothing.wav: no such file", "clean", tmp_path / "nothing.wav")


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    refused(tmp_path, "a.wav: is empty (0 bytes)", "clean", tmp_path / "a.wav")


def test_text_renamed(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("Dear diary, today I recorded nothing.\n" * 20)
    refused(tmp_path, "a.wav: is no recording that can be read", "clean", tmp_path / "a.wav")


def test_folder(tmp_path: Path) -> None:
    refused(tmp_path, "is a folder, not a recording", "inspect", tmp_path)


def test_truncated_m4a(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    path.write_bytes(EXAMPLE.read_bytes()[:100_000])
    refused(tmp_path, "a.m4a: is no recording that can be read, or is cut short", "clean", path)


def test_damage_behind_its_header(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = EXAMPLE.read_bytes()
    where = data.index(b"mdat") + 50_000  # keep the index at the end, lose audio
    path = tmp_path / "a.m4a"
    path.write_bytes(data[:where] + bytes(60_000) + data[where + 60_000 :])
    sentence = r"s of sound at .* cannot be read, or is missing"
    refused(tmp_path, "cannot be read, or is missing", "clean", path, "--strict")
    assert invoke("inspect", path)[0] == 0
    assert re.search(sentence, caplog.text)


def test_truncated_wav(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "a.wav", voice())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(tmp_path, "a.wav: is cut short: ends at 1.5 s of 3.0 s", "clean", path, "--strict")
    assert invoke("clean", path)[0] == 0
    assert caplog.text.count("a.wav: is cut short: ends at 1.5 s of 3.0 s; what is there is read") == 1
    assert len(read(tmp_path / "a_clean.wav")[0][0]) == len(read(path)[0][0])


def test_preset_is_checked_first(tmp_path: Path) -> None:
    refused(
        tmp_path, "no preset called 'podcats'; did you mean 'podcast'", "clean", tmp_path / "a.wav", "-p", "podcats"
    )


def test_a_rate_too_low(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice(0.5), 2000)
    refused(tmp_path, "a.wav: a sample rate is a whole number from 4000 to 768000 Hz, got 2000", "clean", path)


def test_a_file_that_fails_stops_no_other(tmp_path: Path) -> None:
    long = write(tmp_path / f"{'a' * 246}.wav", voice(0.5))
    good = write(tmp_path / "b.wav", voice(0.5))
    code, _, err = invoke("master", long, good, "-o", tmp_path / "out")
    assert code == 1
    assert "name too long" in err.lower()
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["b_master.wav"]


def test_zero_samples(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.zeros((1, 0)))
    refused(tmp_path, "a.wav: holds no audio", "clean", path)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(tmp_path: Path, bad: float) -> None:
    audio = voice().copy()
    audio[0, 24000] = bad
    path = write(tmp_path / "a.wav", audio, subtype="FLOAT")
    refused(tmp_path, "a.wav: holds NaN or infinity at 0.50 s", "clean", path)


def test_some_of_many_fail(tmp_path: Path) -> None:
    good = write(tmp_path / "good.wav", voice())
    (tmp_path / "bad.wav").write_text("no audio")
    code, out, err = invoke("clean", good, tmp_path / "bad.wav")
    assert code == 1
    assert "good_clean.wav" in out
    assert "bad.wav: is no recording" in err
    assert (tmp_path / "good_clean.wav").is_file()


def test_weights_and_numbers_beyond_all_measure(tmp_path: Path) -> None:
    path, target = write(tmp_path / "a.wav", voice(0.5)), tmp_path / "b.wav"
    refused(tmp_path, "/dev/zero: is no regular file", "noise-reduction", path, target, "--weights", "/dev/zero")
    refused(tmp_path, f"{tmp_path}: is a folder", "noise-reduction", path, target, "--weights", tmp_path)
    refused(tmp_path, "seed must be from 0 to", "frequency-generation", path, target, "--seed", "9" * 400)
    for number in ("inf", "nan", "1e400", "-inf"):
        refused(tmp_path, "gain_db must be from -300 to 60 dB, got", "master", path, target, f"--gain-db={number}")
    weights = tmp_path / "w.safetensors"
    save_file({"a": torch.full((2, 2), torch.nan)}, weights)
    refused(tmp_path, "holds weights that are NaN or infinite", "noise-reduction", path, target, "--weights", weights)


def signals() -> dict[str, tuple[Block, int]]:
    rng = np.random.default_rng(3)
    return {
        "silence": (np.zeros((2, 48000)), 48000),
        "dc": (np.full((1, 48000), 0.25), 48000),
        "one sample": (np.full((1, 1), 0.5), 44100),
        "one sample in stereo": (np.full((2, 1), 0.5), 44100),
        "clicks": (np.where(rng.random((1, 48000)) > 0.9995, 0.9, 0.0), 48000),
        "full-scale square": (np.sign(np.sin(np.arange(96000) / 40))[np.newaxis], 48000),
        "7 channels": (voice(1.0, 7), 48000),
        "8 kHz": (voice(1.0)[:, ::6], 8000),
        "192 kHz": (np.repeat(voice(1.0), 4, axis=-1), 192000),
        "naïve – 音声 (1)": (voice(1.0), 48000),
    }


@pytest.mark.parametrize("name", signals())
def test_odd_recordings_come_through(tmp_path: Path, name: str) -> None:
    audio, sample_rate = signals()[name]
    path = write(tmp_path / f"{name}.wav", audio, sample_rate, "PCM_24")
    for command in ("inspect", "clean"):
        code, _, err = invoke(command, path)
        assert code == 0, err
    import soundfile

    result, rate = soundfile.read(tmp_path / f"{name}_clean.wav", always_2d=True)
    raised = 48000 if sample_rate < 44100 else sample_rate  # a low rate leaves no room for treble
    assert (rate, result.shape[1]) == (raised, audio.shape[0])
    assert result.shape[0] == audio.shape[1] * raised // sample_rate
    assert np.isfinite(result).all()
    assert np.abs(result).max() <= 1.0


def test_a_traceback_only_with_debug(tmp_path: Path) -> None:
    run = aural("--debug", "master", tmp_path / "no.wav", tmp_path / "b.wav")
    assert run.returncode == 2  # a file that fails is reported in one sentence all the same
    run = aural("--debug", "chain", tmp_path / "no.wav", tmp_path / "b.wav", "--chain", "nothing.toml")
    assert "Traceback" in run.stderr


def damaged_flac(path: Path) -> Path:
    """Write four seconds of which 4096 frames in the middle are damaged."""
    import soundfile

    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(4 * 48000), 48000, "PCM_16")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "arguments",
    [["inspect"], ["clean"], ["clean", "-n"], ["master", "-o", "x.wav"], ["mix", "-o", "x.wav"],
     ["source-separation", "--engine", "center"], ["chain"]],
    ids=str,
)  # fmt: skip
def test_damaged_recordings_are_refused_if_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    path = damaged_flac(tmp_path / "a.flac")
    monkeypatch.chdir(tmp_path)
    behind = {"source-separation": ["stems"], "chain": ["x.wav", "master"]}.get(arguments[0], [])
    code, out, err = invoke(*arguments[:1], path, *behind[:1], *arguments[1:], "--strict", *behind[1:])
    assert (code, out) == (2, ""), err
    assert f"{path}: 0.09 s of sound at 1.96 s cannot be read, or is missing" in err
    assert not (tmp_path / "x.wav").exists()


def test_damage_is_told_once_and_silence_stands_in_its_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert invoke("clean", damaged_flac(tmp_path / "a.flac"))[0] == 0
    sentence = "0.09 s of sound at 1.96 s cannot be read, or is missing; silence stands in its place"
    assert caplog.text.count(sentence) == 1


def test_a_sound_that_starts_late_and_which_track_is_said(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=48000, layout="mono") for _ in range(2)]
        for stream in streams:
            frame = av.AudioFrame.from_ndarray(np.full((1, 24000), 1000, np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 48000, 24000 * (stream is streams[0])
            container.mux(stream.encode(frame))
    code, out, _ = invoke("inspect", tmp_path / "a.mkv")
    assert code == 0
    assert "pcm_s16le in matroska, track 1 of 2, sound starts at +0.50 s" in out
