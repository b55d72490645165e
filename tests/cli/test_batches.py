"""Many files at once: what is taken, what is left out, and what is said."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from recordings import EXAMPLE, aural, invoke, voice, write

from aural.audio.writing import write_audio
from aural.signals import Format

SUMMARY = r"{}, \d+:\d\d"
FORMATS = ("wav", "flac", "aiff", "mp3", "m4a", "mp4", "opus", "ogg", "webm")


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_line_a_file_and_a_summary(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.wav", voice(1.0)) for name in "ab"]
    code, out, _ = invoke("clean", *paths, tmp_path / "none.wav", "-o", tmp_path / "out")
    lines = out.splitlines()
    assert (code, len(lines)) == (1, 3)
    assert lines[0].startswith(f"{paths[0]} -> {tmp_path}/out/a_clean.wav  voice-memo: ")
    assert re.search(r"-\d+\.\d to -16\.\d LUFS", lines[0])
    assert re.fullmatch(SUMMARY.format("2 done, 1 failed"), lines[2])


@pytest.mark.parametrize("command", [["inspect"], ["master", "-o", "out"], ["clean", "-n"]])
def test_every_command_is_as_brief(tmp_path: Path, command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write(tmp_path / f"{name}.wav", voice(1.0)) for name in "ab"]
    monkeypatch.chdir(tmp_path)
    code, out, err = invoke(*command, *paths)
    assert (code, err) == (0, "")
    *lines, summary = out.splitlines()
    assert [line.startswith(str(path)) for line, path in zip(lines, paths, strict=True)] == [True] * 2
    assert re.fullmatch(SUMMARY.format("2 done"), summary)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_warnings_stand_in_the_line_of_their_file(tmp_path: Path, jobs: str) -> None:
    paths = [write(tmp_path / f"{name}.wav", 1e-5 * voice(1.0), subtype="FLOAT") for name in "ab"]
    done = aural("master", *paths, "-o", "out", "-j", jobs, cwd=tmp_path)
    assert done.stderr == ""
    assert ["too soft to have a loudness" in line for line in done.stdout.splitlines()] == [True, True, False]


def test_warnings_stand_beside_json_only_where_a_file_is_damaged(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.wav", 1e-5 * voice(1.0), subtype="FLOAT") for name in "ab"]
    mp3 = [tmp_path / f"{name}.mp3" for name in "ab"]
    for result in mp3:
        write_audio(result, [voice(1.0)], Format(48000, 1))
        data = result.read_bytes()
        result.write_bytes(data[:2000] + bytes(1500) + data[3500:])
    done = aural("inspect", "--json", *paths, *mp3, cwd=tmp_path)
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == [str(path) for path in mp3]


def test_what_is_there_already_is_left_out(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.wav", voice(0.5)) for name in "abc"]
    assert invoke("gate", paths[0], "-o", tmp_path / "out")[0] == 0
    first = tmp_path / "out" / "a_gate.wav"
    before = first.stat().st_mtime_ns
    code, out, err = invoke("gate", *paths, "-o", tmp_path / "out", "--skip-existing")
    assert (code, err) == (0, "")
    assert re.fullmatch(SUMMARY.format("2 done, 1 skipped"), out.splitlines()[-1])
    assert first.stat().st_mtime_ns == before
    for jobs in (1, 2):
        code, out, err = invoke("gate", *paths, "-o", tmp_path / "out", "--skip-existing", "-j", jobs)
        assert (code, err) == (0, "")
        assert re.fullmatch(SUMMARY.format("3 skipped"), out.strip())
    code, _, err = invoke("gate", *paths, "-o", tmp_path / "out", "--skip-existing", "-f")
    assert code == 2
    assert "give one of them" in err
    code, _, err = invoke("gate", paths[0], paths[0], "--skip-existing")
    assert code == 2
    assert "is the input itself" in err


def test_a_folder_keeps_its_tree(tmp_path: Path) -> None:
    rec = tmp_path / "rec"
    for name in ("a.wav", "day 1/b.wav", "day 1/night/c.flac"):
        (rec / name).parent.mkdir(parents=True, exist_ok=True)
        write(rec / name, voice(0.5))
    (rec / "notes.txt").write_text("none")
    (rec / "day 1" / "cover.jpg").write_text("none")
    (rec / ".hidden.wav").write_text("none")
    code, out, err = invoke("gate", rec, "-o", rec / "new" / "out")
    assert (code, err) == (0, "")
    assert files(rec / "new" / "out") == ["a_gate.wav", "day 1/b_gate.wav", "day 1/night/c_gate.flac"]
    assert re.fullmatch(SUMMARY.format("3 done, 2 passed over"), out.splitlines()[-1])
    again = invoke("gate", rec, rec / "new" / "out", "--skip-existing")  # the results lie inside, and are no inputs
    assert again[0] == 0
    assert again[1].startswith("3 skipped, 2 passed over")
    assert len(invoke("inspect", rec / "day 1" / "night")[1].splitlines()) > 5


def test_results_beside_their_inputs_are_no_inputs(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", voice(0.5))
    write(tmp_path / "b.wav", voice(0.5))
    assert invoke("clean", tmp_path)[0] == 0
    code, out, _ = invoke("clean", tmp_path, "--skip-existing")
    assert code == 0
    assert out.startswith("2 skipped, 2 passed over")
    assert files(tmp_path) == ["a.wav", "a_clean.wav", "b.wav", "b_clean.wav"]


def test_stems_of_a_folder(tmp_path: Path) -> None:
    for name in ("x/a.wav", "y/a.wav"):
        (tmp_path / "rec" / name).parent.mkdir(parents=True)
        write(tmp_path / "rec" / name, voice(0.5, 2))
    code, out, err = invoke("source-separation", "--engine", "center", tmp_path / "rec", tmp_path / "stems")
    assert (code, err, len(out.splitlines())) == (0, "", 3)
    assert files(tmp_path / "stems") == ["x/a_center.wav", "x/a_sides.wav", "y/a_center.wav", "y/a_sides.wav"]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_only_stems_that_are_all_there_are_left_out(tmp_path: Path, jobs: str) -> None:
    paths = [write(tmp_path / f"{name}.wav", voice(0.5, 2)) for name in "abc"]
    separate = ["source-separation", "--engine", "center", *paths, "-o", tmp_path / "stems", "--skip-existing"]
    assert invoke(*separate[:4], *separate[6:])[0] == 0
    write(tmp_path / "stems" / "b_sides.wav", voice(0.5))
    code, out, err = invoke(*separate, "-j", jobs)
    assert (code, err) == (1, f"aural: {tmp_path}/stems/b_sides.wav: exists already; use -f to replace it\n")
    assert re.fullmatch(SUMMARY.format("1 done, 1 failed, 1 skipped"), out.splitlines()[-1])
    (tmp_path / "stems" / "b_sides.wav").unlink()
    code, out, err = invoke(*separate, "-j", jobs)
    assert (code, err) == (0, "")
    assert re.fullmatch(SUMMARY.format("1 done, 2 skipped"), out.splitlines()[-1])


def test_a_file_with_too_many_channels_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", voice(0.5, 2))
    write(tmp_path / "film.wav", voice(0.5, 6))
    files = [tmp_path / "a.wav", tmp_path / "film.wav"]
    code, out, err = invoke("source-separation", "--engine", "center", *files, "-o", tmp_path / "stems")
    assert code == 1
    assert "a_center.wav" in out
    assert err == f"aural: {files[1]}: source-separation: engine center takes 1 or 2 channels, not 6\n"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("memo.m4a", "'aural clean memo.m4a'"),
        ("Talk.MP4", "'aural clean Talk.MP4'"),
        ("denoise", "'noise-reduction'"),
        ("normalize", "'master'"),
        ("nois-reduction", "'noise-reduction'"),
    ],
)
def test_what_was_meant(typed: str, meant: str) -> None:
    code, _, err = invoke(typed)
    assert code == 2
    assert f"did you mean {meant}?" in err


def test_the_line_of_a_file_says_where_no_music_was_found(tmp_path: Path) -> None:
    files = [write(tmp_path / name, voice()) for name in ("a.wav", "b.wav")]
    for options in ([], ["-n"]):
        lines = invoke("clean", *files, "--music", "reduce", "-o", tmp_path / "out", *options)[1].splitlines()
        of_files = [line for line in lines if "->" in line]
        assert len(of_files) == 2
        assert all(
            "; no music was found; aural music-reduction lowers all but the voice" in line for line in of_files
        )
        assert "no music" not in invoke("clean", *files, "-n", "-o", tmp_path / "out")[1]


def test_music_has_no_signal_to_noise(tmp_path: Path) -> None:
    t = np.arange(10 * 48000) / 48000
    notes = 220 * 2 ** (np.array([0, 4, 7, 12, 7, 4, 5, 9, 12, 0])[(2 * t).astype(int) % 10] / 12)
    phase = 2 * np.pi * np.cumsum(notes) / 48000
    song = 0.1 * sum(np.sin(n * phase) / n for n in range(1, 9)) * np.exp(-3 * (2 * t % 1))
    path = write(tmp_path / "song.wav", song[None])
    out = invoke("inspect", path)[1]
    assert "music" in out
    assert "signal to noise" not in out
    assert "signal to noise" in invoke("inspect", EXAMPLE)[1]


def test_a_broken_mp3_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"\xff\xfb\x90\x00" + np.random.default_rng(0).bytes(3000))
    done = aural("inspect", tmp_path / "a.mp3")
    assert done.returncode == 2
    assert done.stderr.startswith("aural: ")
    assert len(done.stderr.splitlines()) == 1


def test_sixty_files_of_all_formats_of_which_five_are_broken(tmp_path: Path) -> None:
    rec = tmp_path / "rec"
    for number in range(55):
        suffix = FORMATS[number % len(FORMATS)]
        path = rec / suffix / f"{number}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_audio(path, [voice(0.6)], Format(48000, 1))
    for number, data in enumerate(
        (b"", b"no audio", EXAMPLE.read_bytes()[:9000], b"RIFF" + bytes(60), b"ID3" + bytes(900))
    ):
        (rec / f"broken{number}.{FORMATS[number]}").write_bytes(data)
    (rec / "notes.txt").write_text("none")
    code, out, err = invoke("clean", rec, "-o", tmp_path / "out", "-j", "2")
    lines = [*out.splitlines(), *err.splitlines()]
    assert code == 1
    assert len(lines) <= 70
    assert re.fullmatch(SUMMARY.format("55 done, 5 failed, 1 passed over"), out.splitlines()[-1])
    assert len(files(tmp_path / "out")) == 55
    for number in range(5):
        assert sum(f"broken{number}." in line for line in lines) == 1
    code, out, _ = invoke("clean", rec, "-o", tmp_path / "out", "--skip-existing")
    assert code == 1  # the five are tried again
    assert "5 failed, 55 skipped, 1 passed over" in out
    for broken in rec.glob("broken*"):
        broken.unlink()
    code, out, _ = invoke("clean", rec, "-o", tmp_path / "out", "--skip-existing")
    assert code == 0
    assert re.fullmatch(SUMMARY.format("55 skipped, 1 passed over"), out.strip())
