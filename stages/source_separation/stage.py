"""Takes a recording apart into stems that sum to it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from aural.errors import AudioError, ParameterError
from aural.parameters import param
from aural.stage import Block, Format, Separator, Stream
from aural.streaming import AtRate, FrameStream, Queue, SegmentStream, Spectra, Through, frame_sizes

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


@dataclass(frozen=True)
class SourceSeparation(Separator):
    """Take a recording apart: song into instruments and voice, tones from strokes, middle from sides.

    Raises:
        ParameterError: a parameter is not allowed, or the engine has no stem called `two_stems`.
        WeightsError: `two_stems` is given, and the stems are known only to a model that cannot be loaded.
    """

    name: ClassVar[str] = "source-separation"
    models: ClassVar[Mapping[str, str]] = {name: ", ".join(stems) for name, stems in MODELS.items()}
    trusted: ClassVar[str | None] = "aural.stages.source_separation.model:load_trusted"
    engine: str = param(
        "demucs",
        "Method: hpss parts tones from strokes, center the middle of the stereo image from its sides, "
        "demucs is a network for drums, bass, vocals and the rest",
        choices=("hpss", "center", "demucs"),
    )
    model: Any = param(  # noqa: RUF009
        "htdemucs",
        "Name of a model that demucs downloads on first use, path of a checkpoint (.safetensors), of a bag "
        "(.yaml) or of a folder with one of them, or a torch module",
        when={"engine": "demucs"},
    )
    two_stems: str | None = param(None, "Stem to keep; the others are summed into one, no_vocals for vocals")
    segment_s: float | None = param(
        None, "Length separated at a time; as much as the model was trained for where none is given",
        unit="s", low=0.5, high=60.0, when={"engine": "demucs"},
    )  # fmt: skip
    context_s: float = param(
        1.0, "What the network hears before and behind it, up to a quarter of what it was trained for",
        unit="s", low=0.0, high=10.0, when={"engine": "demucs"},
    )  # fmt: skip
    low_hz: float = param(
        150.0, "Frequency below which the middle stays with the sides, as bass and bass drum do; 0 for none",
        unit="Hz", low=0.0, high=1000.0, when={"engine": "center"},
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.two_stems is not None and self.two_stems not in self._parts:
            raise ParameterError(
                f"{self.name}: two_stems must be one of {', '.join(self._parts)}, got {self.two_stems!r}"
            )

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems, in the order of the stream's first axis.

        Raises:
            WeightsError: the stems are known only to the model, and it cannot be loaded.
        """
        return self._parts if self.two_stems is None else (self.two_stems, f"no_{self.two_stems}")

    @property
    def _parts(self) -> tuple[str, ...]:
        if self.engine == "hpss":
            return "harmonic", "percussive"
        if self.engine == "center":
            return "center", "sides"
        if isinstance(self.model, str) and self.model in MODELS:
            return MODELS[self.model]
        from aural.stages.source_separation.model import load

        return tuple(load(self.model).sources)

    @property
    def _rest(self) -> int:
        """The stem that is what the others leave of the mixture."""
        return self._parts.index("other" if "other" in self._parts else self._parts[-1])

    def stream(self, source: Format) -> Stream:
        """Make the stream.

        Raises:
            AudioError: the engine does not take this many channels.
            WeightsError: the model is missing, damaged or cannot be downloaded.
        """
        engines = {"hpss": HarmonicStream, "center": self._center, "demucs": self._demucs}
        keep = None if self.two_stems is None else self._parts.index(self.two_stems)
        return StemStream(source, engines[self.engine](source), len(self._parts), self._rest, keep)

    def _center(self, source: Format) -> Stream:
        if source.channels > 2:
            raise AudioError(f"{self.name}: engine center takes 1 or 2 channels, not {source.channels}")
        return Through(source) if source.channels == 1 else CenterStream(source, self.low_hz)

    def _demucs(self, source: Format) -> Stream:
        from aural.stages.source_separation.model import DemucsStream, load

        network = load(self.model)
        taken = network.audio_channels
        if source.channels not in (1, taken):
            raise AudioError(f"{self.name}: the model takes 1 or {taken} channels, not {source.channels}")
        wanted = [network.sources.index(stem) for stem in self._parts if stem != self._parts[self._rest]]

        def inner(source: Format) -> Stream:
            return DemucsStream(source, network, wanted, self.segment_s, self.context_s)

        return AtRate(source, network.samplerate, inner)


class StemStream(Stream):
    """Turns an engine's estimates of all stems but one into stems that sum to the mixture.

    The engine's blocks hold the stems one after the other, along whatever leading axes.
    """

    SLAB = 1 << 18  # frames that go through the engine at once: bounds the memory

    def __init__(self, source: Format, engine: Stream, stems: int, rest: int, keep: int | None) -> None:
        super().__init__(source, stems if keep is None else 2)
        self.engine, self.count, self.rest, self.keep = engine, stems, rest, keep
        self.mixture = Queue()
        self.mixture.append(np.zeros((source.channels, 0), np.float32))

    def push(self, block: Block) -> Block:
        self.mixture.append(block)
        starts = range(0, max(1, block.shape[-1]), self.SLAB)
        slabs = (self.engine.push(block[:, start : start + self.SLAB]) for start in starts)
        return np.concatenate([self._stems(slab) for slab in slabs], axis=-1)

    def flush(self) -> Block:
        return self._stems(self.engine.flush())

    def _stems(self, estimates: Block) -> Block:
        from aural.stages.source_separation import dsp

        mixture = self.mixture.take(estimates.shape[-1])
        stems = dsp.complete(estimates.reshape(self.count - 1, *mixture.shape), mixture, self.rest)
        return stems if self.keep is None else np.stack([stems[self.keep], mixture - stems[self.keep]])


class HarmonicStream(SegmentStream):
    """Keeps what holds its pitch; the result is that of one call over the whole signal."""

    def __init__(self, source: Format) -> None:
        self.window, self.hop = frame_sizes(source.sample_rate, window_ms=93, overlap=4)
        super().__init__(source, segment=400 * self.hop, context=24 * self.hop)

    def process(self, audio: Block) -> Block:
        from aural.stages.source_separation import dsp

        return dsp.harmonic(audio, self.window, self.hop)


class CenterStream(FrameStream):
    """Keeps what both channels share, the same in both."""

    def __init__(self, source: Format, low_hz: float) -> None:
        from aural.stages.source_separation import dsp

        super().__init__(source, *frame_sizes(source.sample_rate, window_ms=64, overlap=4))
        self.band = dsp.high_pass(np.fft.rfftfreq(len(self.analysis), 1 / source.sample_rate), low_hz)

    def change(self, spectra: Spectra) -> Spectra:
        from aural.stages.source_separation import dsp

        return np.broadcast_to(self.band * dsp.middle(spectra), spectra.shape)
