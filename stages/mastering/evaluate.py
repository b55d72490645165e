"""Evaluation of mastering: do recordings come out at their target, by another meter than AURAL's?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from aural.audio.files import read
from aural.audio.folders import recordings
from aural.dsp.decibels import db_to_gain
from aural.errors import AudioError, ParameterError
from aural.learning.evaluation import Case, Evaluation, Sample, System, through, unchanged
from aural.learning.metrics.masters import MASTER, published_lufs
from aural.learning.metrics.metric import Metric
from aural.parameters import param
from aural.stages.mastering.stage import TARGETS, Master

LEAST_S = 3.0
"""What is shorter has too few blocks: one of them, at the gate, decides."""
MOST_CHANNELS = 5


@dataclass(frozen=True, kw_only=True)
class MasteringEvaluation(Evaluation):
    """Evaluate how close recordings come to a delivery target, in loudness and true peak.

    Loudness is measured by pyloudnorm, and AURAL's own meter is compared with it on every output.

    Raises:
        ParameterError: besides ranges, no folder is given.
    """

    title: ClassVar[str] = "Mastering"
    metrics: ClassVar[tuple[Metric, ...]] = MASTER
    audio: tuple[str, ...] = param((), "Folder of recordings; may be given several times")
    target: str = param("podcast", "Delivery target", choices=tuple(TARGETS))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.audio:
            raise ParameterError("audio must name a folder of audio", stage="evaluation", parameter="audio")

    def systems(self) -> Mapping[str, System]:
        gain, master = Master(target=self.target, max_limiting_db=0.0), Master(target=self.target)
        return {"input": unchanged, "gain": partial(through, gain), "master": partial(through, master)}

    def cases(self) -> Sequence[Case]:
        files = [(Path(folder), file) for folder in self.audio for file in recordings(Path(folder))]
        return [
            Case(str(file.relative_to(folder)), partial(sample, folder, file, self.target)) for folder, file in files
        ]

    def notes(self) -> Sequence[str]:
        lufs, ceiling_dbtp = TARGETS[self.target]
        return [
            f"Target: {lufs:g} LUFS, at most {ceiling_dbtp:g} dBTP. Loudness error: by pyloudnorm, 0 is best. Meters "
            "apart: AURAL's meter and pyloudnorm on the output."
        ]


def sample(folder: Path, file: Path, target: str) -> Sample:
    """Read a recording; what ought to come out is the recording at the loudness of the target.

    Raises:
        AudioError: it is too short, silent, or has more channels than pyloudnorm measures.
    """
    audio, sample_rate = read(file)
    if audio.shape[-1] < LEAST_S * sample_rate:
        raise AudioError(f"is shorter than {LEAST_S:g} s")
    if len(audio) > MOST_CHANNELS:
        raise AudioError(f"has {len(audio)} channels; pyloudnorm measures up to {MOST_CHANNELS}")
    lufs = published_lufs(audio, sample_rate)
    if not np.isfinite(lufs):
        raise AudioError("is silent")
    wanted = audio * np.float32(db_to_gain(TARGETS[target][0] - lufs))
    return Sample(str(file.relative_to(folder)), audio, wanted, sample_rate, {"recordings": folder.name})
