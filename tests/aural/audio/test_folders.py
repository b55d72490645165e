"""The recordings of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from aural.audio.folders import recordings, shown_files
from aural.errors import AudioError


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    for name in ("b.wav", "a/c.flac", "a/notes.txt", ".trash/d.wav", "a/.e.wav", "a/.cache/deep/f.mp3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert recordings(tmp_path) == [tmp_path / "a" / "c.flac", tmp_path / "b.wav"]
    assert recordings(tmp_path, below=False) == [tmp_path / "b.wav"]
    assert list(shown_files(tmp_path, but=tmp_path / "a" / ".." / "a")) == [tmp_path / "b.wav"]
    assert list(shown_files(tmp_path)) == [tmp_path / name for name in ("b.wav", "a/c.flac", "a/notes.txt")]


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no audio in this folder"):
        recordings(tmp_path)
    with pytest.raises(AudioError, match="no such folder"):
        recordings(tmp_path / "none")
