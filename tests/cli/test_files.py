"""The command line on files: what a user types, and what lies there afterwards."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from meters import lufs
from recordings import EXAMPLE, aural, invoke, voice, write

from aural.signals import Block


def loudness_of(path: Path) -> float:
    audio, rate = soundfile.read(path, always_2d=True, dtype="float32")
    return lufs(np.ascontiguousarray(audio.T), rate)


def test_the_main_job(tmp_path: Path) -> None:
    memo = tmp_path / "phone_memo.m4a"
    memo.write_bytes(EXAMPLE.read_bytes())
    code, out, err = invoke("clean", memo, "--save-removed", "--save-chain", tmp_path / "my.toml")
    assert (code, err) == (0, "")
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "my.toml",
        "phone_memo.m4a",
        "phone_memo_clean.wav",
        "phone_memo_clean_removed.wav",
    ]
    assert memo.read_bytes() == EXAMPLE.read_bytes()
    result = soundfile.info(tmp_path / "phone_memo_clean.wav")
    assert (result.samplerate, result.channels, result.subtype) == (44100, 1, "PCM_24")
    assert loudness_of(tmp_path / "phone_memo_clean.wav") == pytest.approx(-16, abs=0.2)
    assert "before" in out
    assert "+ noise-reduction" in out
    assert "hum" in out


def test_the_saved_chain_does_the_same_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice(4.0, 2), subtype="FLOAT")
    invoke("clean", path, "--save-chain", tmp_path / "my.toml")
    code, _, err = invoke("chain", path, tmp_path / "b.wav", "--chain", tmp_path / "my.toml")
    assert (code, err) == (0, "")
    first, second = (soundfile.read(tmp_path / name)[0] for name in ("a_clean.wav", "b.wav"))
    np.testing.assert_allclose(first, second, atol=1e-6)
    assert all("use" in stage for stage in tomllib.loads((tmp_path / "my.toml").read_text())["stage"])


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice())
    for command in (["clean", path, "-n"], ["chain", path, tmp_path / "b.wav", "-n", "master"]):
        code, out, _ = invoke(*command)
        assert code == 0
        assert "master" in out
        assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]
    invoke("clean", path, "-n", "-o", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_dry_run_refuses_what_the_run_refuses(tmp_path: Path) -> None:
    a = write(tmp_path / "a.wav", voice(2))
    for wanted, why in (
        (a, "is the input itself"),
        (tmp_path / "b.v2", "cannot write .v2"),
    ):
        for command in (("clean", a, "-o", wanted, "-n"), ("master", a, wanted, "-n")):
            code, _, err = invoke(*command)
            assert code == 2
            assert why in err


def test_dry_run_does_not_mind_a_result_that_is_there(tmp_path: Path) -> None:
    a, there = write(tmp_path / "a.wav", voice(2)), write(tmp_path / "there.wav", voice(2))
    code, out, err = invoke("clean", a, "-o", there, "-n")
    assert (code, err) == (0, "")
    assert "there.wav (exists already: -f replaces it)" in out
    assert invoke("master", a, there, "-n")[0::2] == (0, "")


def test_json(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice())
    diagnosis = json.loads(invoke("inspect", path, "--json")[1])
    assert diagnosis["hum"]["frequency_hz"] == pytest.approx(50, abs=0.1)
    cleaned = json.loads(invoke("clean", path, "--json")[1])
    assert cleaned["target"] == str(tmp_path / "a_clean.wav")
    assert -17 < cleaned["after"]["loudness"]["integrated_lufs"] < -15.9
    assert [stage["use"] for stage in cleaned["chain"]["stage"]][-1] == "master"
    several = json.loads(invoke("inspect", path, tmp_path / "a_clean.wav", "--json")[1])
    assert len(several) == 2


def test_many_files_at_once_into_a_folder(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.wav", voice(1.0)) for name in "abc"]
    code, out, _ = invoke("clean", *paths, "-o", tmp_path / "out", "-j", "2", "--to", "flac")
    assert code == 0
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [f"{n}_clean.flac" for n in "abc"]
    assert out.count("->") == 3


def test_one_stage(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice(2.0, 2), subtype="PCM_24")
    code, out, _ = invoke("master", path, tmp_path / "b.wav", "--target-lufs", "-20")
    assert code == 0
    assert "target_lufs -20" in out
    assert loudness_of(tmp_path / "b.wav") == pytest.approx(-20, abs=0.1)


def test_flags_of_chain_may_stand_at_the_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice(1.0))
    code, _, err = invoke(
        "chain", path, tmp_path / "b.wav", "noise-reduction", "--mix", "0.5", "--save-removed", "-f"
    )
    assert (code, err) == (0, "")
    assert (tmp_path / "b_removed.wav").is_file()


def test_what_is_not_mended_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.repeat(voice(), 2, axis=0))
    assert "! not mended: two channels that carry the same" in invoke("clean", path)[1]


def test_what_is_clipped_is_mended_and_what_was_changed_is_written(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.clip(4 * voice(), -0.4, 0.4))
    assert "+ declip                heavy clipping" in invoke("clean", path, "--save-removed")[1]
    assert np.abs(soundfile.read(tmp_path / "a_clean_removed.wav")[0]).max() > 0.01


def test_options_of_chain_may_stand_behind_its_files(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice())
    (tmp_path / "my.toml").write_text('[[stage]]\nuse = "noise-reduction"\n')
    for order in ([path, tmp_path / "b.wav", "--chain", tmp_path / "my.toml", "-f"],
                  ["-f", "--chain", tmp_path / "my.toml", path, tmp_path / "b.wav"]):  # fmt: skip
        code, out, _ = invoke("chain", *order, "master", "--target", "streaming")
        assert code == 0
        assert out.index("noise-reduction") < out.index("master")


def test_standard_input_and_output(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice())
    run = aural("master", "-", "-", cwd=tmp_path, stdin=path.read_bytes())
    assert run.returncode == 0
    assert run.stdout.startswith("RIFF")
    assert "master" in run.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]


def test_what_is_wrong_with_standard_input_is_said_of_it(tmp_path: Path) -> None:
    done = aural("inspect", "-", cwd=tmp_path, stdin=b"")
    assert done.returncode == 2
    assert done.stderr == "aural: standard input: is empty (0 bytes)\n"
    done = aural("master", "none.wav", "-", cwd=tmp_path)
    assert done.stderr == "aural: none.wav: no such file or directory\n"


def test_inspect_reads_standard_input(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice())
    run = aural("inspect", "-", stdin=path.read_bytes())
    assert run.returncode == 0
    assert "loudness" in run.stdout


def test_inspect_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "b.wav", voice(0.5))
    (tmp_path / ".b.part.wav").write_text("precious")
    assert invoke("inspect", path, tmp_path / "b.wav")[0] == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == [".b.part.wav", "b.wav"]


def test_lists_of_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice(1.0))
    hum = ["--hum-hz", "50", "--hum-harmonics", "1,2,3"]
    code, out, err = invoke("noise-reduction", path, tmp_path / "b.wav", *hum)
    assert (code, err) == (0, "")
    assert "hum_harmonics 1/2/3" in out


def test_loud_stems_are_not_clipped(tmp_path: Path) -> None:
    audio = 0.99 * np.sign(np.random.default_rng(0).standard_normal((2, 48000)))
    path = write(tmp_path / "loud.wav", audio, subtype="PCM_24")
    assert invoke("source-separation", path, tmp_path / "stems", "--engine", "center")[0] == 0
    stems = [soundfile.read(file)[0] for file in sorted((tmp_path / "stems").iterdir())]
    assert np.abs(stems).max() > 1
    np.testing.assert_allclose(sum(stems), soundfile.read(path)[0], atol=1e-6)


def test_stems_go_to_a_folder(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice(1.0, 2))
    center = ("source-separation", "--engine", "center", path)
    for arguments, sentence in ((), "name a folder for the stems"), (["-"], "cannot go to standard output"):
        code, out, err = invoke(*center, *arguments)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert sentence in err
    assert invoke(*center, "-o", tmp_path / "named")[0] == 0
    assert invoke(*center, tmp_path / "last")[0] == 0
    named, last = ([file.name for file in sorted((tmp_path / name).iterdir())] for name in ("named", "last"))
    assert named == last == ["a_center.wav", "a_sides.wav"]


def test_an_album_keeps_its_relation(tmp_path: Path) -> None:
    loud, soft = write(tmp_path / "loud.wav", voice(4.0, 2)), write(tmp_path / "soft.wav", 0.25 * voice(4.0, 2))
    (tmp_path / "out").mkdir()
    code, text, err = invoke("master", loud, soft, "-o", tmp_path / "out", "--album", "--target", "broadcast")
    assert (code, err) == (0, "")
    assert text.count("gain_db") == 2
    levels = [loudness_of(tmp_path / "out" / f"{name}_master.wav") for name in ("loud", "soft")]
    assert levels[0] - levels[1] == pytest.approx(12.04, abs=0.1)
    assert levels[1] < -23 < levels[0]
    other = write(tmp_path / "mono.wav", voice(4.0, 1))
    code, _, err = invoke("master", loud, other, "-o", tmp_path / "out", "--album", "-f")
    assert code == 2
    assert "mono.wav: 1 channel at 48000 Hz, but" in err
    assert "must be alike" in err
    assert "--album" not in invoke("equaliser", "--help")[1]


def test_a_target_out_of_reach_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice(4.0, 2))
    done = aural("master", path, tmp_path / "b.wav", "--target-lufs=-6", "--max-limiting-db", "1")
    assert done.returncode == 0
    assert "LU short of -6.0 LUFS: max_limiting_db 1 allows no more" in done.stderr


def test_a_reference_is_matched(tmp_path: Path) -> None:
    path, reference = write(tmp_path / "a.wav", voice(4.0, 2)), write(tmp_path / "r.wav", 0.1 * voice(5.0, 2))
    code, _, err = invoke("master", path, tmp_path / "b.wav", "--reference", reference)
    assert (code, err) == (0, "")
    assert loudness_of(tmp_path / "b.wav") == pytest.approx(loudness_of(reference), abs=0.2)
    code, _, err = invoke("match", path, tmp_path / "c.wav", "--reference", tmp_path / "nowhere.wav")
    assert code == 2
    assert "nowhere.wav" in err
    assert not (tmp_path / "c.wav").exists()


def test_takes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice())
    code, _, _ = invoke("frequency-generation", path, tmp_path / "b.wav", "--takes", "2", "--seed", "7")
    assert code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.wav", "b_take1.wav", "b_take2.wav"]


def test_stems_sum_to_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "song.wav", voice(2.0, 2))
    code, out, _ = invoke("source-separation", path, tmp_path / "stems", "--engine", "center")
    assert code == 0
    assert out.count("->") == 2
    stems = [soundfile.read(file)[0] for file in sorted((tmp_path / "stems").iterdir())]
    mixture = soundfile.read(path)[0]
    np.testing.assert_allclose(sum(stems), mixture, atol=3 * 2.0**-15)  # dithered to the 16 bits of the file


def test_bit_depth_is_kept(tmp_path: Path) -> None:
    audio: Block = voice(1.0)
    for subtype, suffix in (
        ("PCM_16", "wav"),
        ("PCM_24", "wav"),
        ("FLOAT", "wav"),
        ("PCM_16", "flac"),
        ("PCM_24", "aiff"),
    ):
        path = write(tmp_path / f"a_{subtype}.{suffix}", audio, subtype=subtype)
        assert invoke("master", path, "-o", tmp_path / "out", "-f")[0] == 0
        assert soundfile.info(tmp_path / "out" / f"a_{subtype}_master.{suffix}").subtype == subtype


@pytest.mark.parametrize("suffix", ["flac", "mp3", "m4a"])
def test_tags_are_kept(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "a.flac"
    with soundfile.SoundFile(path, "w", 48000, 1) as file:
        file.title, file.artist = "Ääni", "Someone"
        file.write(voice(1.0).T)
    assert invoke("master", path, tmp_path / f"b.{suffix}")[0] == 0
    with av.open(str(tmp_path / f"b.{suffix}")) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
    assert (tags["title"], tags["artist"]) == ("Ääni", "Someone")


def test_mix_zero_copies_the_file_bit_for_bit(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice(1.0))
    invoke("noise-reduction", path, tmp_path / "b.wav", "--mix", "0")
    np.testing.assert_array_equal(*(soundfile.read(tmp_path / name, dtype="int16")[0] for name in ("a.wav", "b.wav")))


def test_removed_is_what_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice(2.0), subtype="FLOAT")
    assert invoke("noise-reduction", path, tmp_path / "b.wav", "--save-removed")[0] == 0
    a, b, removed = (soundfile.read(tmp_path / name)[0] for name in ("a.wav", "b.wav", "b_removed.wav"))
    np.testing.assert_allclose(b + removed, a, atol=1e-6)
    assert np.abs(removed).max() > 1e-3
