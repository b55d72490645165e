"""A demucs network as a stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from demucs.apply import apply_model

from aural.dsp.segments import SegmentStream
from aural.errors import WeightsError
from aural.signals import Block, Format
from aural.stages.source_separation.engine import NAME


class DemucsStream(SegmentStream):
    """Runs a network at its own sample rate; gives the wanted stems one after the other in place of channels.

    Each segment is brought to unit level with its context, so that the result follows the level of the
    input. Demucs does so over the whole recording, its newer networks once more over each segment.
    """

    def __init__(
        self, source: Format, network: Any, wanted: Sequence[int], segment_s: float | None, context_s: float
    ) -> None:
        trained = min(int(m.segment * m.samplerate) for m in getattr(network, "models", [network]))
        if trained < 1:
            raise WeightsError(f"{NAME}: the model says that it was trained for no time at all")
        context = min(round(context_s * source.sample_rate), trained // 4)
        longest = trained - 2 * context
        segment = longest if segment_s is None else min(round(segment_s * source.sample_rate), longest)
        super().__init__(source, segment, context)
        self.output = Format(source.sample_rate, len(wanted) * source.channels)
        self.network, self.wanted = network, list(wanted)
        self.device = next(network.parameters()).device

    @torch.inference_mode()
    def process(self, audio: Block) -> Block:
        mixture = torch.tensor(audio).expand(self.network.audio_channels, -1)
        mixture = mixture - mixture.mean()
        scale = mixture.std(correction=0)
        mixture = mixture / torch.where(scale > 0, scale, 1)
        estimates = apply_model(self.network, mixture[None], shifts=0, split=False, device=self.device)[0].cpu()
        if audio.shape[0] == 1:
            estimates = estimates.mean(dim=1, keepdim=True)
        stems: Block = (estimates[self.wanted] * scale).reshape(-1, audio.shape[-1]).numpy()
        return stems
