"""Folders, splits, the cache and excerpts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from material import fill

from aural.errors import AudioError
from aural.learning.excerpts import Excerpts
from aural.learning.material import describe, find, load, read, split


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AURAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_subfolders_are_groups_and_numbers_are_takes(tmp_path: Path) -> None:
    fill(tmp_path / "a", {"anna/one": 1, "anna/two": 1, "ben/x": 1})
    assert [clip.group for clip in find(tmp_path / "a", "speech")] == ["anna", "anna", "ben"]
    fill(tmp_path / "b", {"street_1": 1, "street_2": 1, "song_e0": 1, "wind": 1})
    assert {clip.group for clip in find(tmp_path / "b", "noise")} == {"street", "song", "wind"}
    fill(tmp_path / "c", {"001": 1, "002": 1, "003": 1})
    assert {clip.group for clip in find(tmp_path / "c", "noise")} == {"001", "002", "003"}


def test_a_manifest_is_believed(tmp_path: Path) -> None:
    fill(tmp_path, {"x": 1, "y": 2})
    (tmp_path / "MANIFEST.csv").write_text(
        "path,speaker,category,seconds,snr_db\nx.wav,fr-Marie,kids,1,40\ny.wav,myx-marie,kids,2,\n",
        "utf-8-sig",  # as a spreadsheet writes it
    )
    first, second = find(tmp_path, "speech")
    assert (first.group, second.group) == ("marie", "marie")
    assert (first.category, first.snr_db, second.snr_db) == ("kids", 40, np.inf)
    assert describe([first, second]) == {"files": 2, "groups": 1, "hours": 0.0}


def test_places_in_one_room_are_one(tmp_path: Path) -> None:
    names = ("hall/Air_museum_S1R1_W", "hall/Air_museum_S2R4_cardF", "hall/gill_head_mine_1_W", "b/omni-35-10_ch0")
    rows = [f"{name}.wav,1.0" for name in names]
    (tmp_path / "MANIFEST.csv").write_text("\n".join(["path,seconds", *rows]))
    found = [clip.group for clip in find(tmp_path, "ir")]
    assert found == ["hall/air_museum", "hall/air_museum", "hall/gill_head", "b/omni-35"]


def test_stems_and_excerpts_of_a_song_are_one(tmp_path: Path) -> None:
    rows = [
        f"band/{song}/{stem}.wav,{stem},1.0"
        for song in ("1.One_e0", "1.One_e1", "2.Two_e0")
        for stem in ("bass", "drums")
    ]
    (tmp_path / "MANIFEST.csv").write_text("\n".join(["path,stem,seconds", *rows]))
    assert [clip.group for clip in find(tmp_path, "music")] == ["band/1.One"] * 4 + ["band/2.Two"] * 2


@given(st.sets(st.text(st.characters(codec="ascii", categories=["L"]), min_size=1), min_size=3), st.text(max_size=5))
def test_every_part_has_a_group_and_every_group_a_part(groups: set[str], kind: str) -> None:
    parts = split(dict.fromkeys(groups, 1.0), kind)
    assert set(parts) == groups
    assert set(parts.values()) == {"train", "validation", "test"}
    assert parts == split(dict.fromkeys(sorted(groups), 1.0), kind)


def test_a_large_split_stays_when_audio_is_added() -> None:
    before = split({f"speaker {n}": 1.0 for n in range(100)}, "speech")
    after = split({f"speaker {n}": 1.0 for n in range(200)}, "speech")
    assert all(after[group] == part for group, part in before.items())
    assert 0.04 < list(after.values()).count("test") / 200 < 0.15


def test_what_is_held_out_lasts_for_a_while() -> None:
    """Of twenty speakers the hash may hold out one who says a single word."""
    names = [f"speaker {n}" for n in range(20)]
    first = split(dict.fromkeys(names, 10.0), "speech")
    held = [name for name in names if first[name] == "test"]
    seconds = {name: 0.1 if name in held else 10.0 for name in names}
    parts = split(seconds, "speech")
    assert all(parts[name] == "test" for name in held)
    lasts = {
        part: sum(seconds[n] for n in names if parts[n] == part) / sum(seconds.values())
        for part in set(parts.values())
    }
    assert lasts["test"] >= 1 / 40
    assert lasts["train"] >= 1 / 2
    assert [name for name in names if first[name] == "validation"] == [n for n in names if parts[n] == "validation"]


def test_too_little_or_nothing_is_said(tmp_path: Path) -> None:
    fill(tmp_path / "two", {"anna/1": 1, "ben/1": 1})
    for folder, message in (("none", "no such folder"), (".", None), ("two", "the split needs three")):
        if message:
            with pytest.raises(AudioError, match=message):
                find(tmp_path / folder, "speech", "train")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioError, match="no audio"):
        find(tmp_path / "empty", "speech")
    (tmp_path / "empty" / "broken.wav").write_bytes(b"no sound")
    with pytest.raises(AudioError, match=r"broken\.wav"):
        find(tmp_path / "empty", "speech")


def test_the_cache_follows_the_file(tmp_path: Path, cache: Path) -> None:
    fill(tmp_path / "a", {"x": 1})
    (clip,) = find(tmp_path / "a", "noise")
    first = np.array(load(clip, 48000))
    assert first.dtype == np.int16
    assert len(load(clip, 16000)) == 16000
    assert np.array_equal(first, load(clip, 48000))
    fill(tmp_path / "a", {"x": 2}, seed=1)
    assert len(load(clip, 48000)) == 96000
    assert np.allclose(read(clip, 48000, 100, 50), load(clip, 48000)[100:150] / 32768)
    assert len(list(cache.rglob("*.npy"))) == 3
    assert not list(cache.rglob("*.tmp"))


def test_excerpts_share_out_by_the_root_and_never_change(tmp_path: Path) -> None:
    fill(tmp_path, {"long/1": 9, "long/2": 7, "short/1": 1})
    excerpts = Excerpts(find(tmp_path, "speech"), 2.0, 8000)
    again = Excerpts(find(tmp_path, "speech"), 2.0, 8000)
    sizes = [len(excerpts[i]) for i in range(0, len(excerpts), 50)]
    assert set(sizes) == {16000, 8000}
    assert 0.7 < sizes.count(16000) / len(sizes) < 0.9
    for index in (0, 333, len(excerpts) - 1):
        assert excerpts[index].dtype == np.float32
        assert np.array_equal(excerpts[index], again[index])
    with pytest.raises(IndexError):
        excerpts[len(excerpts)]
