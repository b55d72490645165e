"""The files of stems sum to the recording, sample by sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from tiny_demucs import tiny

from aural.audio.writing import on_one_grid
from aural.cleaning.stems import separate
from aural.stages.source_separation.stage import SourceSeparation
from aural.stages.source_separation.stream import complete
from aural.testing import probe

FORMS = [("wav", "PCM_U8"), ("wav", "PCM_16"), ("aiff", "PCM_16"), ("flac", "PCM_16"), ("flac", "PCM_24"),
         ("wav", "PCM_24")]  # fmt: skip


def steps(path: Path) -> NDArray[np.int64]:
    """Read samples as whole numbers."""
    return soundfile.read(path, dtype="int32", always_2d=True)[0].astype(np.int64)


@pytest.mark.parametrize(("suffix", "subtype"), FORMS)
@pytest.mark.parametrize("engine", ["center", "demucs"])
def test_files_of_integers_sum_exactly(tmp_path: Path, engine: str, suffix: str, subtype: str) -> None:
    song = tmp_path / f"song.{suffix}"
    soundfile.write(song, probe("voice", 1.5).T, 48000, subtype)
    model = tiny() if engine == "demucs" else None
    stems = separate(SourceSeparation(engine=engine, model=model), song, tmp_path / "stems", suffix=f".{suffix}")
    assert [soundfile.info(stem).subtype for stem in stems] == [subtype] * len(stems)
    assert len(stems) == (4 if model else 2)
    assert np.array_equal(sum(steps(stem) for stem in stems), steps(song))
    assert all(np.any(steps(stem)) for stem in stems)


def test_stems_beyond_full_scale_sum_exactly_as_floats(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    loud = np.clip(3 * rng.standard_normal((48000, 2)), -1, 1 - 2.0**-15)
    soundfile.write(tmp_path / "loud.wav", loud, 48000, "PCM_16")
    stems = separate(SourceSeparation(engine="center"), tmp_path / "loud.wav", tmp_path / "stems")
    assert "FLOAT" in {soundfile.info(stem).subtype for stem in stems}
    total = sum(soundfile.read(stem)[0] for stem in stems)
    assert np.array_equal(total, soundfile.read(tmp_path / "loud.wav")[0])


def test_rounding_is_dithered_and_blocks_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    mixture = (np.rint(2**12 * rng.uniform(-1, 1, (1, 4000))) / 2**15).astype(np.float32)
    tone = (0.3 * 2.0**-15 * np.sin(np.arange(4000) / 8)[np.newaxis]).astype(np.float32)
    stems = complete(tone[np.newaxis], mixture, rest=1)
    (whole,) = on_one_grid([stems], 16)
    parts = list(on_one_grid([stems[..., :1000], stems[..., 1000:]], 16))
    assert np.array_equal(np.concatenate(parts, axis=-1), whole)
    assert np.array_equal(whole.sum(axis=0), mixture)
    assert np.corrcoef(whole[0], tone)[0, 1] > 0.1  # what is below a step is still heard through the dither
    assert np.abs(whole - stems).max() < 2 * 2.0**-15
