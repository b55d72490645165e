"""Demucs as an engine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from aural.dsp.decibels import db_to_gain
from aural.dsp.resampling import AtRate
from aural.engine import Model
from aural.errors import AudioError
from aural.parameters import param
from aural.signals import Block, Format
from aural.stages.source_separation.engine import NAME, OverlapParameters, SeparationEngine
from aural.stream import Stream

LEAST_LEVEL = 1e-8
"""Added to the level of a recording, as demucs does, so that silence is not divided by zero."""
FOUR = ("drums", "bass", "other", "vocals")
MODELS = {
    "htdemucs": FOUR,
    "htdemucs_ft": FOUR,
    "htdemucs_6s": (*FOUR, "guitar", "piano"),
    "hdemucs_mmi": FOUR,
    "mdx": FOUR,
    "mdx_extra": FOUR,
}
"""The stems of the models that demucs downloads, so that nothing is loaded to name them."""

REPOSITORIES = {
    "htdemucs": "HTDemucs",
    "htdemucs_ft": "HTDemucs-ft",
    "htdemucs_6s": "HTDemucs-6s",
    "hdemucs_mmi": "Demucs-hdemucs_mmi",
    "mdx": "Demucs-mdx",
    "mdx_extra": "Demucs-mdx_extra",
}
MEGABYTES = {
    "htdemucs": 84.0,
    "htdemucs_ft": 336.0,
    "htdemucs_6s": 55.0,
    "hdemucs_mmi": 167.0,
    "mdx": 691.0,
    "mdx_extra": 670.0,
}
"""Of what is downloaded."""

USUAL = "htdemucs"


@dataclass(frozen=True, kw_only=True)
class DemucsParameters(OverlapParameters):
    """The parameters of demucs."""

    model: Any = param(  # noqa: RUF009
        None,
        f"Name of a demucs model, downloaded on first use ({USUAL} if not given); or the path of a checkpoint "
        "(.safetensors), of a bag (.yaml) or of a folder that holds one of them",
    )
    segment_s: float | None = param(
        None, "Length of a segment; if not given, the one used in training, which is the longest for a transformer",
        unit="s", low=0.5, high=60.0,
    )  # fmt: skip
    shifts: int = param(0, "Number of runs that are averaged, each shifted in time by up to half a second; 0 is "
                        "one run without a shift", low=0, high=10)  # fmt: skip
    measured_offset: float | None = param(None, "Mean of the recording, which is subtracted before the model",
                                          low=-1.0, high=1.0, measured=True)  # fmt: skip
    measured_level_dbfs: float | None = param(
        None, "Level that the recording is divided by before the model: the standard deviation of the mean of its "
        "channels", unit="dBFS", low=-200.0, high=200.0, measured=True,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class DemucsEngine(DemucsParameters, SeparationEngine):
    """A demucs network."""

    name, meaning = "demucs", "a network for drums, bass, vocals and the rest"
    uses_device = True
    models: ClassVar[Mapping[str, Model]] = {
        name: Model(
            meaning=", ".join(stems), megabytes=MEGABYTES[name], licence="MIT",
            source=f"huggingface.co/adefossez/{REPOSITORIES[name]}",
        )
        for name, stems in MODELS.items()
    }  # fmt: skip

    @classmethod
    def download(cls, model: str) -> bool:
        from aural.stages.source_separation.engines.demucs.network import fetch

        fetch(model)
        return True

    @property
    def named(self) -> Any:
        """The model that was given, or the default."""
        return USUAL if self.model is None else self.model

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of its stems.

        Raises:
            WeightsError: they are known only to a model that cannot be loaded.
        """
        if isinstance(self.named, str) and self.named in MODELS:
            return MODELS[self.named]
        from aural.stages.source_separation.engines.demucs.network import load

        return tuple(load(self.named).sources)

    def stream(self, source: Format) -> Stream:
        """Make the stream.

        Raises:
            AudioError: the model does not take this many channels.
            WeightsError: it is missing, damaged or cannot be downloaded.
        """
        from aural.stages.source_separation.engines.demucs.stream import DemucsStream

        network = self._network(source)
        wanted = [network.sources.index(stem) for stem in self.stems if stem != self.stems[self.rest]]
        assert self.measured_offset is not None
        assert self.measured_level_dbfs is not None
        level = db_to_gain(self.measured_level_dbfs)
        inner = partial(
            DemucsStream, network=network, wanted=wanted, segment_s=self.segment_s, overlap=self.overlap,
            shifts=self.shifts, offset=self.measured_offset, level=level,
        )  # fmt: skip
        return AtRate(source, network.samplerate, inner)

    def measure(self, blocks: Iterable[Block], source: Format) -> Mapping[str, Any]:
        """Measure mean and standard deviation of the mean of the channels, as demucs does before it runs a model.

        Raises:
            AudioError: as `stream`: before the recording is read.
            WeightsError: likewise.
        """
        self._network(source)
        total, squares, frames = 0.0, 0.0, 0
        for block in blocks:
            mono = block.mean(axis=0, dtype=np.float64)
            total, squares, frames = total + mono.sum(), squares + np.square(mono).sum(), frames + mono.size
        mean = float(total / max(1, frames))
        spread = float(max(0.0, squares - total * mean) / max(1, frames - 1)) ** 0.5
        offset = mean if self.measured_offset is None else self.measured_offset
        level_dbfs = 20 * math.log10(spread + LEAST_LEVEL)
        given = self.measured_level_dbfs
        return {"measured_offset": offset, "measured_level_dbfs": level_dbfs if given is None else given}

    def _network(self, source: Format) -> Any:
        from aural.stages.source_separation.engines.demucs.network import load

        network = load(self.named)
        taken = network.audio_channels
        if source.channels not in (1, taken):
            raise AudioError(f"the model takes 1 or {taken} channels, not {source.channels}", stage=NAME)
        return network
