"""Films: the picture is copied bit for bit, the sound stays in sync."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from containers import needs_ffmpeg
from films import CODECS, RATE, film, packets
from recordings import aural, invoke
from scipy.signal import correlate

from aural.cleaning.processing import process
from aural.registry import create
from aural.signals import Block

GAIN = create("equaliser", gain_db=-6.0)


def bursts(seconds: float, seed: int = 0) -> Block:
    """Return noise that comes and goes, so that it fits itself in one place only."""
    rng = np.random.default_rng(seed)
    level = np.repeat(rng.uniform(0, 1, round(10 * seconds)) > 0.5, RATE // 10)
    return (0.1 * level * rng.standard_normal(level.size))[None].astype(np.float32)


def heard(path: Path, track: int = 0, seconds: float = 4.0) -> np.ndarray:
    """Return a sound track in its place on the time line of the film."""
    line = np.zeros(round(seconds * RATE))
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.audio[track]):
            start = round((frame.pts or 0) * float(frame.time_base or 0) * RATE)
            samples = frame.to_ndarray().reshape(-1)
            first = max(0, -start)
            line[start + first : start + len(samples)] = samples[first:]
    return line


def lag_ms(late: np.ndarray, early: np.ndarray) -> float:
    return 1000 * (int(np.argmax(correlate(late, early, method="fft"))) - len(early) + 1) / RATE


@pytest.mark.parametrize("suffix", sorted(CODECS))
@pytest.mark.parametrize(("late_s", "begins_s"), [(0.0, 0.0), (0.31, 0.0), (0.1, 0.48)])
def test_the_picture_is_copied_and_the_sound_in_sync(
    tmp_path: Path, suffix: str, late_s: float, begins_s: float
) -> None:
    source = film(tmp_path / f"a.{suffix}", bursts(2.0), late_s=late_s, begins_s=begins_s)
    process(GAIN, source, target := tmp_path / f"b.{suffix}")
    assert packets(source, "video") == packets(target, "video")
    before, after = heard(source), heard(target)
    assert abs(lag_ms(after, before)) <= 1  # Matroska tells time in milliseconds
    assert np.std(after) / np.std(before) == pytest.approx(0.5, rel=0.1)
    with av.open(str(source)) as container:
        language = container.streams.audio[0].metadata.get("language")  # QuickTime has no name for some
    with av.open(str(target)) as container:
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["part 0", "part 1"]
        assert container.metadata.get("title", container.metadata.get("TITLE")) == "Talk"
        assert container.streams.audio[0].metadata.get("language") == language
    assert [file.suffix for file in sorted(tmp_path.iterdir())] == [f".{suffix}"] * 2


def test_one_of_several_tracks(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv", bursts(2.0), bursts(2.0, seed=1))
    process(GAIN, source, target := tmp_path / "b.mkv", track=2)
    first, second = (np.std(heard(target, track)) / np.std(heard(source, track)) for track in (0, 1))
    assert first == pytest.approx(1)
    assert second == pytest.approx(0.5, rel=0.1)
    assert abs(lag_ms(heard(target, 1), heard(source, 1))) < 1
    code, _, err = invoke("clean", source, "--track", "3")
    assert code == 2
    assert "a.mkv: has no sound track 3; there are 2" in err


def test_a_film_stays_a_film_unless_its_sound_is_wanted(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4", bursts(2.0))
    assert invoke("master", source, "-o", tmp_path / "out")[0] == 0
    assert packets(source, "video") == packets(tmp_path / "out" / "a_master.mp4", "video")
    done = aural("master", source, "-o", tmp_path / "out", "--audio-only")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out" / "a_master.wav").is_file()
    done = aural("master", source, tmp_path / "b.flac")
    assert done.returncode == 0
    assert "the picture is left out: flac holds none" in done.stderr
    done = aural("master", source, tmp_path / "c.webm")
    assert done.returncode == 2
    assert "webm cannot hold this picture; write .mkv" in done.stderr
    assert not (tmp_path / "c.webm").exists()


def test_a_film_of_another_kind_becomes_mkv(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv", bursts(2.0))
    avi = source.rename(tmp_path / "a.avi")  # what the file holds counts
    assert invoke("gate", avi, "-o", tmp_path / "out")[0] == 0
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["a_gate.mkv"]


@needs_ffmpeg
@pytest.mark.parametrize(("suffix", "subtitles"), [("mp4", "mov_text"), ("mov", "mov_text"), ("mkv", "srt")])
def test_subtitles_rotation_and_time_code_are_kept(tmp_path: Path, suffix: str, subtitles: str) -> None:
    source, plain = tmp_path / f"a.{suffix}", film(tmp_path / f"plain.{suffix}", bursts(2.0))
    (tmp_path / "a.srt").write_text("1\n00:00:00,500 --> 00:00:01,500\nhello\n")
    inputs = f"-i {plain} -i {tmp_path}/a.srt -map 0:v -map 0:a -map 1"
    command = (
        f"ffmpeg -v error {inputs} -metadata:s:v rotate=90 -c copy -c:s {subtitles} -timecode 01:00:00:00 {source}"
    )
    subprocess.run(command.split(), check=True)
    process(GAIN, source, target := tmp_path / f"b.{suffix}")
    assert packets(source, "video") == packets(target, "video")
    assert [text for text, _ in packets(source, "subtitles") if b"hello" in text] == [
        text for text, _ in packets(target, "subtitles") if b"hello" in text
    ]
    shown = []
    for path in (source, target):
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            shown.append((frame.rotation, container.streams.video[0].metadata.get("timecode")))
    assert shown[0] == shown[1]
    assert shown[0][0] % 360 in ((0,) if suffix == "mkv" else (90, 270))
