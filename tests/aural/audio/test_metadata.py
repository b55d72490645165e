"""What is said about a recording goes where the recording goes."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from about import BACK, CHAPTERS, EVERYTHING, FRONT, TAGS, bext, with_chunks
from hypothesis import given
from hypothesis import strategies as st
from recordings import voice, write

from aural import Format
from aural.audio.files import open_audio
from aural.audio.metadata import About, Chapter, common, read_about
from aural.audio.riff import read_chunks
from aural.audio.writing import SUFFIXES, write_audio

AUDIO = voice(2.0)
SOURCE = Format(48000, 1)
NO_ISRC = (".m4a", ".mp4")
PICTURES = {".opus": 1, ".ogg": 1, ".webm": 0}


def remade(path: Path, suffix: str, rate: int = 48000) -> Path:
    """Write what is in a file to another."""
    target = path.with_name(f"again{suffix}")
    write_audio(target, [voice(2.0)], Format(rate, 1), like=open_audio(path).info)
    return target


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_all_that_is_said_is_kept(tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / f"a{suffix}"
    write_audio(path, [AUDIO], SOURCE, about=EVERYTHING)
    said = read_about(path)
    assert said.tags == {name: text for name, text in TAGS.items() if name != "isrc" or suffix not in NO_ISRC}
    assert said.chapters == CHAPTERS
    pictures = [FRONT.data, BACK.data][: PICTURES.get(suffix, 2)]
    assert [picture.data for picture in said.pictures] == pictures
    lost = ["the tag isrc"] if suffix in NO_ISRC else []
    lost += [f"{2 - len(pictures)} picture{'s' * (not pictures)}"] if len(pictures) < 2 else []
    warning = f"a{suffix}: {suffix[1:]} cannot hold {', '.join(lost)}"
    assert [record.getMessage().split("/")[-1] for record in caplog.records] == ([warning] if lost else [])


@pytest.mark.parametrize("first", [".wav", ".flac", ".aiff", ".m4a", ".mp3", ".opus"])
@pytest.mark.parametrize("second", [".wav", ".flac", ".aiff", ".m4a", ".mp3", ".opus"])
def test_from_format_to_format(tmp_path: Path, first: str, second: str) -> None:
    path = tmp_path / f"a{first}"
    known = replace(EVERYTHING, tags={name: text for name, text in TAGS.items() if name != "isrc"}, pictures=(FRONT,))
    write_audio(path, [AUDIO], SOURCE, about=known)
    again = read_about(remade(path, second))
    assert (again.tags, again.chapters) == (known.tags, known.chapters)
    assert [(picture.data, picture.kind) for picture in again.pictures] == [(FRONT.data, "Cover (front)")]


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="the ffprobe program is not here")
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".m4a", ".mp3", ".opus"])
def test_another_program_reads_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_audio(path, [AUDIO], SOURCE, about=replace(EVERYTHING, pictures=(FRONT,)))
    shown = ["-show_format", "-show_streams", "-show_chapters"]
    run = subprocess.run(["ffprobe", "-v", "error", "-of", "json", *shown, path], capture_output=True, text=True)
    assert run.stderr == ""
    found = json.loads(run.stdout)
    tags = {k.lower(): v for part in (found["format"], *found["streams"]) for k, v in part.get("tags", {}).items()}
    for name in ("artist", "date") if suffix == ".wav" else ("artist", "album_artist", "composer", "lyrics", "date"):
        assert tags[name] == TAGS[name]
    if suffix != ".wav":  # whose ID3 chunk old versions of ffprobe do not read
        assert sum(stream["codec_type"] == "video" for stream in found["streams"]) == 1
    if suffix not in (".flac", ".wav"):  # nor chapters that are comments, nor cues
        assert [chapter["tags"]["title"] for chapter in found["chapters"]] == [c.title for c in CHAPTERS]


def test_loudness_that_no_longer_holds_is_left_out(tmp_path: Path) -> None:
    stale = {"REPLAYGAIN_TRACK_GAIN": "-3 dB", "R128_TRACK_GAIN": "12", "iTunNORM": "0", "iTunSMPB": "0"}
    path = tmp_path / "a.flac"
    write_audio(path, [AUDIO], SOURCE, about=About({"title": "kept", **stale}))
    assert read_about(path).tags == {"title": "kept"}


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".m4a", ".mp3", ".opus"])
def test_a_damaged_picture_costs_the_picture_alone(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = replace(FRONT, data=FRONT.data[:20] + b"no picture")
    write_audio(tmp_path / f"a{suffix}", [AUDIO], SOURCE, about=About({"title": "kept"}, (damaged,)))
    said = read_about(tmp_path / f"a{suffix}")
    assert (said.tags, said.pictures) == ({"title": "kept"}, ())
    assert "cannot hold 1 picture" in caplog.text


def test_frames_of_id3_stay_frames(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.mp3", [AUDIO], SOURCE, about=About({"TBPM": "120", "isrc": "FIABC1234567"}))
    head = remade(tmp_path / "a.mp3", ".mp3").read_bytes()[:200]
    assert b"TBPM" in head
    assert b"TSRC" in head


def test_the_language_of_a_track(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.m4a", [AUDIO], SOURCE, about=About({"language": "fin"}))
    assert read_about(tmp_path / "a.m4a").tags == {"language": "fin"}
    assert read_about(remade(tmp_path / "a.m4a", ".opus")).tags == {"language": "fin"}


def test_chunks_of_wav_are_copied(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = with_chunks(
        write(tmp_path / "a.wav", AUDIO), (b"bext", bext()), (b"iXML", b"<BWFXML/>"), (b"abcd", b"odd")
    )
    _, chunks = read_chunks(remade(path, ".wav"))
    copied = dict(chunks)
    assert (copied[b"iXML"], copied[b"abcd"]) == (b"<BWFXML/>", b"odd")
    assert copied[b"bext"][:412] == bext()[:412]
    assert struct.unpack_from("<5H", copied[b"bext"], 412) == (0x7FFF,) * 5  # not known: it was that of the source
    assert copied[b"bext"][422:] == bext()[422:]
    names = [name for name, _ in chunks]
    assert names.index(b"bext") < len(names)
    assert not caplog.text
    assert soundfile.info(tmp_path / "again.wav").frames == 96000


def test_what_stands_in_bext_becomes_tags_elsewhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = with_chunks(write(tmp_path / "a.wav", AUDIO), (b"bext", bext()), (b"iXML", b"<BWFXML/>"))
    tags = read_about(remade(path, ".flac")).tags
    assert tags == {
        "comment": "A take",
        "originator": "Recorder",
        "originator_reference": "REF1",
        "date": "2021-05-06",
        "origination_time": "07:08:09",
        "time_reference": "480000",
        "coding_history": "A=PCM",
    }
    assert "again.flac: flac cannot hold the chunk iXML" in caplog.text


def test_what_stood_in_bext_becomes_bext_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = with_chunks(write(tmp_path / "a.wav", AUDIO), (b"bext", bext(version=1)))
    flac = remade(path, ".flac")
    back = read_about(remade(flac, ".wav"))
    assert back.tags == read_about(flac).tags
    ours, first = dict(back.chunks)[b"bext"], bext(version=1)
    assert (ours[:348], len(ours)) == (first[:348], 602 + len("A=PCM"))
    assert not caplog.text


@pytest.mark.parametrize("reference", ["9" * 19, "9" * 20, "9" * 5000, "x", "-1"])
def test_a_time_reference_may_be_anything(tmp_path: Path, reference: str) -> None:
    about = About({"time_reference": reference, "originator": "ä" * 40})
    write_audio(tmp_path / "b.wav", [AUDIO], Format(48000, 1), about=about)
    back = read_about(tmp_path / "b.wav")
    assert back.time_reference == (int(reference) if len(reference) == 19 else None)
    assert back.tags["originator"] == "ä" * 16


def test_positions_move_with_the_sample_rate(tmp_path: Path) -> None:
    path = with_chunks(
        write(tmp_path / "a.wav", AUDIO), (b"bext", bext(time_reference=480_001)), (b"smpl", bytes(36))
    )
    again = read_about(remade(path, ".wav", rate=96000))
    assert struct.unpack_from("<Q", dict(again.chunks)[b"bext"], 338)[0] == 960_002
    assert b"smpl" not in dict(again.chunks)  # loops in frames of the old rate would be wrong


def test_cues_of_wav_are_chapters(tmp_path: Path) -> None:
    for name, rate in (("a", 48000), ("b", 96000)):
        write_audio(tmp_path / f"{name}.wav", [AUDIO], Format(48000, 1), about=About(chapters=CHAPTERS))
        assert read_about(remade(tmp_path / f"{name}.wav", ".wav", rate)).chapters == CHAPTERS


def test_text_that_windows_wrote(tmp_path: Path) -> None:
    info = b"INFOINAM" + struct.pack("<I", 6) + "Größe".encode("cp1252") + b"\0"
    path = with_chunks(write(tmp_path / "a.wav", AUDIO), (b"LIST", info))
    assert read_about(path).tags["title"] == "Größe"
    assert read_about(remade(path, ".wav")).tags["title"] == "Größe"


def test_markers_of_aiff_are_copied(tmp_path: Path) -> None:
    path = with_chunks(write(tmp_path / "a.aiff", AUDIO), (b"MARK", b"\0\0"), (b"APPL", b"stoc"))
    copied = dict(read_chunks(remade(path, ".aiff"))[1])
    assert (copied[b"MARK"], copied[b"APPL"]) == (b"\0\0", b"stoc")


def test_a_mix_says_what_all_tracks_say() -> None:
    one = About({"album": "A", "title": "1"}, (FRONT,), (Chapter(0.0, "x"),))
    two = About({"album": "A", "title": "2"}, (FRONT, BACK))
    assert common([one, two]) == About({"album": "A"}, (FRONT,))


@given(st.binary(max_size=200), st.sampled_from([b"RIFF\0\0\0\0WAVE", b"RF64\0\0\0\0WAVE", b"FORM\0\0\0\0AIFF", b""]))
def test_any_bytes_are_read(tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.wav"
    path.write_bytes(head + data)
    _, chunks = read_chunks(path)
    assert sum(8 + len(content) for _, content in chunks) <= len(data)


def test_sound_of_a_pipe_is_not_taken_for_chunks(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.frombuffer(b"iXML\4\0\0\0what" * 8, "<i2").astype(np.float32)[None] / 32768)
    data = path.read_bytes()
    for size in (0, 0x7FFFF000, 0xFFFFFFFF):
        path.write_bytes(data[:40] + struct.pack("<I", size) + data[44:])
        assert not [name for name, _ in read_chunks(path)[1] if name == b"iXML"]
