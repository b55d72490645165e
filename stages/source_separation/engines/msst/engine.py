"""Checkpoints of others as an engine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from aural.dsp.resampling import AtRate
from aural.errors import AudioError, WeightsError
from aural.parameters import param
from aural.signals import Format
from aural.stages.source_separation.engine import NAME, OverlapParameters, SeparationEngine
from aural.stream import Stream

if TYPE_CHECKING:
    from aural.stages.source_separation.engines.msst.network import Segmented


@dataclass(frozen=True, kw_only=True)
class MsstParameters(OverlapParameters):
    """The parameters of the engine."""

    checkpoint: str | None = param(None, "Path of a checkpoint of a RoFormer, SCNet or MDX23C: .safetensors, or a "
                                   ".ckpt that holds nothing but tensors")  # fmt: skip
    config: str | None = param(None, "Path of the .yaml that belongs to the checkpoint; if not given, that beside it "
                               "with the same name")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MsstEngine(MsstParameters, SeparationEngine):
    """A network that others trained with Music-Source-Separation-Training, of any of its best-known kinds."""

    name, meaning = "msst", "RoFormer, SCNet and MDX23C checkpoints of others"
    uses_device = True

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of its stems: those that the config names, or the one it is for, and what is left.

        Raises:
            WeightsError: the checkpoint cannot be opened.
        """
        return self._network().stems

    @property
    def rest(self) -> int:
        return self._network().rest

    def stream(self, source: Format) -> Stream:
        """Make the stream.

        Raises:
            AudioError: the network does not take this many channels.
            WeightsError: the checkpoint cannot be opened.
        """
        from aural.stages.source_separation.engines.demucs.stream import DemucsStream

        network = self._network()
        if source.channels not in (1, network.audio_channels):
            raise AudioError(
                f"the network takes 1 or {network.audio_channels} channels, not {source.channels}", stage=NAME
            )
        wanted = [network.sources.index(stem) for stem in self.stems if stem != self.stems[self.rest]]
        inner = partial(
            DemucsStream, network=network, wanted=wanted, segment_s=None, overlap=self.overlap, shifts=0,
            offset=0.0, level=1.0,
        )  # fmt: skip
        return AtRate(source, network.samplerate, inner)

    def _network(self) -> Segmented:
        from aural.stages.source_separation.engines.msst.network import load

        if self.checkpoint is None:
            raise WeightsError(f"engine {self.name} needs a checkpoint: give its path as checkpoint", stage=NAME)
        return load(self.checkpoint, self.config)
