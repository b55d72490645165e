"""Where results go: over no input, over no file that is there, nowhere that they cannot be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from recordings import refused, voice, write


def test_another_input_is_never_overwritten(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.wav", voice(0.5)), write(tmp_path / "a_clean.wav", voice(0.6))
    refused(tmp_path, "a_clean.wav: is another input", "clean", first, second, "-f")
    removed = write(tmp_path / "a_clean_removed.wav", voice(0.5))
    refused(tmp_path, "a_clean_removed.wav: is another input", "clean", first, removed, "-f", "--save-removed")
    stem = write(tmp_path / "a_center.wav", voice(0.5))
    separate = ["source-separation", "--engine", "center", "-f"]
    refused(tmp_path, "a_center.wav: is another input", *separate, first, stem, tmp_path)


def test_the_chain_goes_over_no_recording(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice(0.5))
    refused(
        tmp_path, "a.wav: a chain is written to a file that ends in .toml", "clean", path, "-f", "--save-chain", path
    )
    (tmp_path / "my.toml").write_text("precious")
    refused(tmp_path, "my.toml: exists already; use -f", "clean", path, "--save-chain", tmp_path / "my.toml")


def test_format_said_twice(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice(0.5))
    refused(tmp_path, "says its format itself", "master", path, tmp_path / "b.wav", "--to", "mp3")


def test_output_is_input(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice())
    refused(tmp_path, "is the input itself; it is never overwritten", "clean", path, "-o", path, "-f")
    (tmp_path / "link.wav").symlink_to(path)
    refused(tmp_path, "is the input itself", "master", path, tmp_path / "link.wav", "-f")


def test_output_exists(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice())
    (tmp_path / "a_clean.wav").write_text("precious")
    refused(tmp_path, "a_clean.wav: exists already; use -f to replace it", "clean", path)


def test_folder_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice())
    refused(tmp_path, "the folder", "clean", path, "-o", tmp_path / "no" / "b.wav")
    refused(tmp_path, "cannot be made: not a directory", "clean", path, "-o", path / "such")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_not_writable(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice())
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    refused(tmp_path, "locked is not writable", "clean", path, "-o", locked)


def test_folder_cannot_be_written_to_even_by_root(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice())
    refused(tmp_path, "/proc/self/b.wav: ", "clean", path, "-o", "/proc/self/b.wav")


def test_unknown_format(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice())
    refused(tmp_path, "cannot write .xyz; known: .wav, .flac", "master", path, "-o", tmp_path / "b.xyz")
    refused(tmp_path, "cannot write xyz; known: wav, flac", "clean", path, "--to", "xyz")


def test_too_many_channels_for_mp3(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice(0.5, 7))
    refused(tmp_path, "mp3 cannot hold 7 channels; write .wav", "master", path, tmp_path / "b.mp3")


def test_results_that_collide(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "a.wav", voice(0.5))
    both = tmp_path / "one/a.wav", tmp_path / "two/a.wav"
    refused(tmp_path, f"is the result of {both[0]} and {both[1]}", "clean", *both, "-o", tmp_path)
    refused(tmp_path, "is one file for 2 inputs", "clean", *both, "-o", both[0])
