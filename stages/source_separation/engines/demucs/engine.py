"""Demucs as an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from aural.dsp.resampling import AtRate
from aural.errors import AudioError
from aural.parameters import param
from aural.signals import Format
from aural.stages.source_separation.engine import NAME, SeparationEngine
from aural.stream import Stream

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


@dataclass(frozen=True, kw_only=True)
class DemucsParameters:
    """The parameters of demucs."""

    model: Any = param(  # noqa: RUF009
        "htdemucs",
        "Name of a demucs model, downloaded on first use; or the path of a checkpoint (.safetensors), of a bag "
        "(.yaml) or of a folder that holds one of them; or a torch module",
    )
    segment_s: float | None = param(
        None, "Length of a segment; if not given, the length the model was trained on",
        unit="s", low=0.5, high=60.0,
    )  # fmt: skip
    context_s: float = param(
        1.0, "Context on either side of a segment, up to a quarter of the length the model was trained on",
        unit="s", low=0.0, high=10.0,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class DemucsEngine(DemucsParameters, SeparationEngine):
    """A demucs network."""

    name, meaning = "demucs", "a network for drums, bass, vocals and the rest"
    models: ClassVar[Mapping[str, str]] = {name: ", ".join(stems) for name, stems in MODELS.items()}

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of its stems.

        Raises:
            WeightsError: they are known only to a model that cannot be loaded.
        """
        if isinstance(self.model, str) and self.model in MODELS:
            return MODELS[self.model]
        from aural.stages.source_separation.engines.demucs.network import load

        return tuple(load(self.model).sources)

    def stream(self, source: Format) -> Stream:
        """Make the stream.

        Raises:
            AudioError: the model does not take this many channels.
            WeightsError: it is missing, damaged or cannot be downloaded.
        """
        from aural.stages.source_separation.engines.demucs.network import load
        from aural.stages.source_separation.engines.demucs.stream import DemucsStream

        network = load(self.model)
        taken = network.audio_channels
        if source.channels not in (1, taken):
            raise AudioError(f"{NAME}: the model takes 1 or {taken} channels, not {source.channels}")
        wanted = [network.sources.index(stem) for stem in self.stems if stem != self.stems[self.rest]]

        def inner(source: Format) -> Stream:
            return DemucsStream(source, network, wanted, self.segment_s, self.context_s)

        return AtRate(source, network.samplerate, inner)
