"""Mastering is judged by pyloudnorm, and so is the loudness meter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recordings import invoke, refused, write

from aural.stages.mastering.evaluate import MasteringEvaluation
from aural.stages.mastering.stage import TARGETS
from aural.testing import SAMPLE_RATE, probe

pytest.importorskip("pyloudnorm", reason='needs pip install "aural[eval]"')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "audio").mkdir()
    for number, seconds in enumerate((4.0, 5.0), 1):
        write(tmp_path / "audio" / f"{number}.wav", probe("voice", seconds, number), subtype="FLOAT")
    return tmp_path / "audio"


@pytest.mark.parametrize("target", ["podcast", "broadcast"])
def test_masters_reach_their_target_by_both_meters(folder: Path, target: str) -> None:
    report = MasteringEvaluation(audio=(str(folder),), target=target).run()
    assert not report.errors
    found = {(score.system, score.name): score.values for score in report.scores}
    assert len(found) == 3 * 2
    for (system, _), values in found.items():
        assert values["meters apart"] < 0.1
        if system == "master":
            assert values["loudness error"] < 0.1
            assert values["true peak"] <= TARGETS[target][1] + 0.01
        if system == "input":
            assert values["loudness error"] > 1


def test_what_cannot_be_judged_is_named(tmp_path: Path, folder: Path) -> None:
    write(folder / "short.wav", probe("voice", 1.0))
    write(folder / "silent.wav", np.zeros((1, 4 * SAMPLE_RATE), np.float32))
    write(folder / "wide.wav", np.tile(probe("voice", 4.0, 1), (6, 1)))
    code, out, err = invoke("evaluate", "master", "--audio", folder)
    assert code == 1
    assert "master" in out
    for sentence in ("short.wav: is shorter than 3 s", "silent.wav: is silent", "wide.wav: has 6 channels"):
        assert sentence in err
    refused(tmp_path, "evaluation: audio must name a folder of audio", "evaluate", "master")
