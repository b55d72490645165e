"""`aural mix`: what a user types, and what lies there afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from about import bext, with_chunks
from recordings import MAIN, aural, invoke, voice, write

from aural.mix.mixfile import read_mix
from aural.signals import Block


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    """Make a folder with a stereo stem and a quieter, shorter mono one."""
    folder = tmp_path / "stems"
    folder.mkdir()
    write(folder / "voice.wav", voice(2.0, 2), subtype="FLOAT")
    write(folder / "guitar.wav", 0.1 * voice(1.5), subtype="FLOAT")
    return folder


def heard(path: Path) -> Block:
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


def refused(tmp_path: Path, sentence: str, *arguments: object) -> None:
    """Run the command; it must say the sentence in one line and leave the folder as it was."""
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    code, out, err = invoke("mix", *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_stems_of_a_separation_give_the_song_again(tmp_path: Path) -> None:
    song = write(tmp_path / "song.wav", voice(2.0, 2), subtype="FLOAT")
    assert invoke("source-separation", song, tmp_path / "stems", "--engine", "center")[0] == 0
    run = aural("mix", "stems/", "-o", "mix.wav", cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    np.testing.assert_allclose(heard(tmp_path / "mix.wav"), heard(song), atol=1e-6)
    assert "2 tracks -> mix.wav" in run.stdout
    assert "song_center.wav" in run.stdout
    assert "!" not in run.stdout


def test_gain_place_chain_balance_and_target(tmp_path: Path, stems: Path) -> None:
    (tmp_path / "quiet.toml").write_text('[[stage]]\nuse = "gate"\n')
    options = ["--balance", "--gain", "guitar=-2", "--pan", "guitar.wav=0.5", "--target", "streaming"]
    code, out, err = invoke(
        "mix", stems, "-o", tmp_path / "mix.wav", *options, "--chain", f"voice={tmp_path / 'quiet.toml'}"
    )
    assert (code, err) == (0, "")
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line.strip()}
    guitar, sung = lines["guitar.wav"], lines["voice.wav"]
    assert float(guitar[1]) == pytest.approx(float(sung[1]) - 2, abs=0.11)
    assert guitar[5:7] == ["0.5", "right"]
    assert out.index("voice.wav") < out.index("gate") < out.index("+ master")
    assert "-14.0 LUFS" in " ".join(lines["mix"])
    assert "! guitar.wav ends 0.50 s before the mix does" in out
    assert "voice.wav ends" not in out


def test_the_saved_mix_does_the_same_again(tmp_path: Path, stems: Path) -> None:
    saved = stems / "my.toml"
    options = ["--balance", "--pan", "guitar=-1", "--target", "podcast", "--save-mix", saved]
    assert invoke("mix", stems, "-o", tmp_path / "a.wav", *options)[0] == 0
    assert [track.file for track in read_mix(saved).tracks] == [stems / "guitar.wav", stems / "voice.wav"]
    code, _, err = invoke("mix", saved, "-o", tmp_path / "b.wav")
    assert (code, err) == (0, "")
    np.testing.assert_allclose(heard(tmp_path / "a.wav"), heard(tmp_path / "b.wav"), atol=1e-6)


def test_options_take_the_place_of_what_the_mix_file_says(tmp_path: Path, stems: Path) -> None:
    (tmp_path / "song.toml").write_text(
        'balance = true\n[[track]]\nfile = "stems/voice.wav"\ngain_db = 3.0\n[[stage]]\nuse = "gate"\n'
    )
    command = ["mix", tmp_path / "song.toml", "-o", tmp_path / "mix.wav", "-f"]
    assert "gate" in invoke(*command)[1]
    assert heard(tmp_path / "mix.wav") == pytest.approx(heard(stems / "voice.wav") * 10**0.15, abs=0.05)
    (tmp_path / "none.toml").write_text("stage = []\n")
    code, out, _ = invoke(*command, "--gain", "voice=0", "--no-balance", "--master", tmp_path / "none.toml")
    assert code == 0
    assert "gate" not in out
    np.testing.assert_array_equal(heard(tmp_path / "mix.wav"), heard(stems / "voice.wav"))


def test_what_the_mix_file_says_holds_where_no_option_is_given(tmp_path: Path, stems: Path) -> None:
    tracks = '[[track]]\nfile = "voice.wav"\ngain_db = 3.0\n[[track]]\nfile = "guitar.wav"\n'
    (stems / "song.toml").write_text(f"balance = true\nsample_rate = 44100\n{tracks}")
    out = invoke("mix", stems / "song.toml", "-o", tmp_path / "mix.wav")[1]
    sung, guitar = (float(line.split()[1]) for line in out.splitlines() if ".wav" in line and "kHz" in line)
    assert sung == pytest.approx(guitar + 3, abs=0.11)
    assert soundfile.info(tmp_path / "mix.wav").samplerate == 44100


def test_dry_run_writes_nothing(tmp_path: Path, stems: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    code, out, _ = invoke("mix", stems, "-o", tmp_path / "mix.wav", "-n", "--save-mix", tmp_path / "my.toml")
    assert code == 0
    assert "guitar.wav ends 0.50 s before the mix does" in out
    assert sorted(tmp_path.rglob("*")) == before


def test_a_sum_beyond_full_scale_is_said(tmp_path: Path) -> None:
    loud = write(tmp_path / "loud.wav", np.full((1, 4800), 0.9), subtype="PCM_16")
    again = write(tmp_path / "again.wav", np.full((1, 4800), 0.9), subtype="PCM_16")
    code, _, err = invoke("mix", loud, loud, "-o", tmp_path / "mix.wav")
    assert code == 2
    assert "loud.wav: is named twice" in err
    code, out, _ = invoke("mix", loud, again, "-o", tmp_path / "mix.wav")
    assert code == 0
    assert "! it goes 5.1 dB beyond full scale: written as floats" in out
    assert soundfile.info(tmp_path / "mix.wav").subtype == "FLOAT"
    refused(tmp_path, "mix.flac: the mix goes 5.1 dB beyond full scale", loud, again, "-o", tmp_path / "mix.flac")
    (tmp_path / "other").mkdir()
    other = write(tmp_path / "other" / "loud.wav", voice(0.5))
    refused(tmp_path, "use a mix file", loud, other, "-o", tmp_path / "new.wav", "--gain", "loud=0")


def test_a_target_takes_the_place_of_the_master_of_a_mix_file(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", voice(4.0, 2))
    song = tmp_path / "song.toml"
    song.write_text('[[track]]\nfile = "a.wav"\n[[stage]]\nuse = "master"\ntarget = "broadcast"\n')
    code, out, _ = invoke("mix", song, "-o", tmp_path / "mix.wav", "--target", "podcast")
    assert code == 0
    assert out.count("+ master") == 1
    assert "-16.0 LUFS" in out


def test_a_folder_is_mixed_to_stdout(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", voice(0.5, 2))
    done = aural("mix", ".", "-o", "-", cwd=tmp_path)
    assert done.returncode == 0
    assert "1 track -> -" in done.stderr


def test_what_cannot_be_balanced_is_said(tmp_path: Path, stems: Path) -> None:
    write(stems / "click.wav", voice(0.2))
    out = invoke("mix", stems, "-o", tmp_path / "mix.wav", "--balance")[1]
    assert "! click.wav is softer than -70 LUFS, or shorter than 0.4 s: not balanced" in out


def test_a_start(tmp_path: Path, stems: Path) -> None:
    for options, heading in (([], "loudness"), (["-n"], "length")):
        code, out, err = invoke("mix", stems, "-o", tmp_path / "mix.wav", "--start", "guitar=1", *options)
        assert (code, err) == (0, "")
        assert heading in out
        assert "starts after 1.00 s" in out
        assert "! voice.wav ends 0.50 s before the mix does" in out
        assert "guitar.wav ends" not in out
        assert soundfile.info(tmp_path / "mix.wav").duration == 2.5


def test_recordings_of_other_times(tmp_path: Path) -> None:
    for name, reference in (("a", 480_000), ("b", 504_000)):
        with_chunks(write(tmp_path / f"{name}.wav", voice(1.0)), (b"bext", bext(time_reference=reference)))
    for options in (["-n"], []):
        run = aural("mix", "a.wav", "b.wav", "-o", "mix.wav", *options, cwd=tmp_path)
        assert run.returncode == 0
        assert run.stderr.splitlines() == [
            "b.wav: recorded 0.5 s after a.wav by their time references, but both start together; a start of 0.5 s "
            "sets it right"
        ]


def test_standard_output(tmp_path: Path, stems: Path) -> None:
    run = aural("mix", "stems", "-o", "-", cwd=tmp_path)
    assert run.returncode == 0
    assert run.stdout.startswith("RIFF")
    assert "2 tracks" in run.stderr


def test_bad_input(tmp_path: Path, stems: Path) -> None:
    mix, sung = tmp_path / "mix.wav", stems / "voice.wav"
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.wav").write_text("no audio")
    (tmp_path / "song.toml").write_text('[[track]]\nfile = "voices.wav"\n')
    refused(tmp_path, "nothing.wav: no such file", tmp_path / "nothing.wav", sung, "-o", mix)
    refused(tmp_path, f"{tmp_path / 'voices.wav'}: no such file", tmp_path / "song.toml", "-o", mix)
    refused(tmp_path, "nothing.toml: no such file", tmp_path / "nothing.toml", "-o", mix)
    refused(tmp_path, "empty: no audio in this folder", tmp_path / "empty", "-o", mix)
    refused(tmp_path, "text.wav: is no recording that can be read", sung, tmp_path / "text.wav", "-o", mix)
    refused(tmp_path, "no track called 'voise'; did you mean 'voice'?", stems, "-o", mix, "--gain", "voise=3")
    refused(tmp_path, "voice.wav: start_s must be from 0", stems, "-o", mix, "--start", "voice=-3")
    refused(tmp_path, "voice.wav: pan must be from -1 to 1", stems, "-o", mix, "--pan", "voice=3")
    refused(tmp_path, "no preset called 'podcst'", stems, "-o", mix, "--master", "podcst")
    refused(tmp_path, "cannot write .xyz", stems, "-o", tmp_path / "mix.xyz")
    low = write(tmp_path / "low.wav", voice(0.5), 44100)
    for dry_run in ([], ["-n"]):
        refused(tmp_path, "tracks are resampled only if asked; give the sample rate", low, sung, "-o", mix, *dry_run)
    assert invoke("mix", stems, "-o", mix, "--gain", "voice")[0] == 2
    assert invoke("mix", stems)[0] == 2


def test_nothing_is_overwritten(tmp_path: Path, stems: Path) -> None:
    sung, song = stems / "voice.wav", tmp_path / "song.toml"
    song.write_text('[[track]]\nfile = "stems/voice.wav"\n')
    (tmp_path / "mix.wav").write_text("precious")
    (tmp_path / "link.wav").symlink_to(sung)
    refused(tmp_path, "mix.wav: exists already; use -f", stems, "-o", tmp_path / "mix.wav")
    refused(tmp_path, "is the input itself; it is never overwritten", song, "-o", sung, "-f")
    refused(tmp_path, "is the input itself", stems / "guitar.wav", sung, "-o", tmp_path / "link.wav", "-f")
    refused(tmp_path, "lies among the tracks and would be one of the next mix", stems, "-o", stems / "mix.wav", "-f")
    target = "-o", tmp_path / "new.wav", "-f", "--save-mix"
    refused(tmp_path, "song.toml: is an input; it is never overwritten", song, *target, song)
    refused(tmp_path, "voice.wav: a mix file ends in .toml", song, *target, sung)
    refused(tmp_path, "song.toml: exists already; use -f", stems, "-o", tmp_path / "new.wav", "--save-mix", song)


def test_interrupt_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", np.tile(voice(10), 30))
    write(tmp_path / "b.wav", voice(1.0))
    before = sorted(tmp_path.iterdir())
    command = [sys.executable, "-c", MAIN, "mix", "a.wav", "b.wav", "-o", "mix.wav", "--target", "podcast"]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(".*.part.*")) and time.monotonic() < deadline and run.poll() is None:
        time.sleep(0.01)
    run.send_signal(signal.SIGTERM)
    _, err = run.communicate(timeout=120)
    assert run.returncode == 128 + signal.SIGTERM
    assert "ended by SIGTERM; nothing was left half-written" in err
    assert sorted(tmp_path.iterdir()) == before


def test_music_under_a_voice(tmp_path: Path, stems: Path) -> None:
    options = ["--duck", "guitar", "--under", "voice", "--duck-db", "60", "--duck-sensitivity-db", "60"]
    code, out, err = invoke("mix", stems, "-o", tmp_path / "mix.wav", *options)
    assert (code, err) == (0, "")
    assert "-60.0 dB while voice sounds" in out
    wanted = heard(stems / "voice.wav")
    np.testing.assert_allclose(heard(tmp_path / "mix.wav"), wanted, atol=1e-3)
    (tmp_path / "mix.wav").unlink()
    for arguments, sentence in (
        (["--duck", "guitar"], "what it is lowered under with --under"),
        (["--under", "voice"], "name what is lowered with --duck"),
        (["--duck-db", "3"], "name what is lowered with --duck"),
        (["--duck", "guitar", "--under", "vois"], "no track called 'vois'; did you mean 'voice'?"),
        (["--duck", "guitar", "--under", "guitar"], "cannot be ducked under itself"),
    ):
        refused(tmp_path, sentence, stems, "-o", tmp_path / "mix.wav", *arguments)
