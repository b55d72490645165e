"""Evaluates the published networks: the table of Kuleshov and others, on your own recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar
from zlib import crc32

import numpy as np
import soxr
from numpy.typing import NDArray

from aural import devices
from aural.audio.files import read
from aural.audio.folders import recordings
from aural.degrade.codec import lossy
from aural.errors import AudioError, ParameterError, WeightsError
from aural.learning import weights
from aural.learning.evaluation import Case, Evaluation, Sample, System, unchanged
from aural.learning.material import Clip, find
from aural.learning.material import read as excerpt
from aural.learning.metrics.distortion import lsd
from aural.learning.metrics.metric import Metric
from aural.parameters import param
from aural.signals import Block, Format
from aural.stages.frequency_expansion.engine import ExpansionEngine
from aural.stages.frequency_expansion.engines import ENGINES
from aural.stages.frequency_expansion.published.networks import (
    KINDS,
    PASSED,
    RATIOS,
    TWINS,
    network,
    poorer,
)
from aural.stages.frequency_expansion.stage import FrequencyExpansion

Audio = NDArray[np.float32]
PUBLISHED = "stages/frequency_expansion/published/weights"
WINDOW = 2048
NARROW_RATE = 16000


def snr_db(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Measure 10 log10 |r|^2 / |r - e|^2, as Kuleshov and others define it; nothing is scaled."""
    r, e = reference.astype(np.float64), estimate.astype(np.float64)
    return float(10 * np.log10((r @ r + 1e-20) / (np.square(r - e).sum() + 1e-20)))


def mad(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Measure the mean absolute difference, in thousandths of full scale."""
    return float(1000 * np.abs(reference - estimate).mean())


MOST_WIDTH = 4096  # widest network that is opened from a file


@dataclass(frozen=True, kw_only=True)
class FrequencyExpansionEvaluation(Evaluation):
    """Evaluate bandwidth extension: SNR and LSD by ratio and material, for the degradations of Kuleshov et al.

    Give recordings, or folders of voices and music, of which the held-out part is used. Each recording is decimated
    and interpolated by cubic splines (the baseline), or goes through MP3 or AAC. It is then restored by every
    published network that has weights, and extended by the engines of the stage.

    Raises:
        ParameterError: besides ranges, no folder is given, or both ways, part with clean, a ratio is not 2, 4 or 6,
            or a network was made for another twin or sample rate.
    """

    title: ClassVar[str] = "Frequency expansion"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("SNR", "dB", 1, True, snr_db),
        Metric("LSD", "dB", 1, False, lsd),
        Metric("MAD", "/1000", 2, False, mad),
    )
    clean: str | None = param(None, "Folder of recordings, of which the first channel is used; its subfolders are "
                              "kinds of material")  # fmt: skip
    speech: str | None = param(None, "Folder of voices")
    music: str | None = param(None, "Folder of music")
    part: str = param("test", "Which speakers and songs to use: the test part, the validation part, or all",
                      choices=("test", "validation", "all"))  # fmt: skip
    twin: str = param(
        "decimated", "How the degraded version is made: by decimation, or by a lossy codec", choices=TWINS
    )
    ratio: tuple[int, ...] = param(RATIOS, "Decimation ratio", low=1, high=16, when={"twin": "decimated"})
    network: tuple[str, ...] = param((), "Weights you trained: path of a .safetensors file; may be given several "
                                     "times")  # fmt: skip
    sample_rate: int = param(NARROW_RATE, "Sample rate of the material", unit="Hz", low=8000, high=48000)
    clip_s: float = param(8.0, "Maximum length used of each recording", unit="s", low=0.5, high=600.0)
    files: int = param(40, "Maximum number of recordings of each kind", low=1, high=10**6)

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.clean) == bool(self.speech or self.music):
            raise ParameterError("give either clean, or speech and music, or one of them", stage="evaluation")
        if self.clean and self.part != "test":
            raise ParameterError("part is for speech and music, not for clean", stage="evaluation", parameter="part")
        if not self.ratio or set(self.ratio) - set(RATIOS):
            raise ParameterError(
                f"ratio must be among 2, 4 and 6, got {self.ratio!r}", stage="evaluation", parameter="ratio"
            )

    def systems(self) -> Mapping[str, System]:
        published: dict[str, dict[str | None, Path]] = {}
        engines = {engine.name: engine for engine in ENGINES}
        own: dict[str, System] = {}
        for path in map(Path, self.network):
            name, ratio, task = _made_for(path)
            if name in engines:
                if path.stem in own:
                    raise ParameterError(f"two networks are called {path.stem!r}", stage="evaluation")
                own[path.stem] = partial(continued, engines[name], str(path))
                continue
            if task != (self.twin, self.sample_rate):
                twin, rate = task
                raise ParameterError(
                    f"was made for {twin} twins at {rate} Hz: give these as twin and sample_rate", path=path
                )
            if ratio in published.setdefault(name, {}):
                of = f" and made for ratio {ratio}" if ratio else ""
                raise ParameterError(f"two networks are called {name!r}{of}", stage="evaluation")
            published[name][ratio] = path
        for path in shipped():  # one's own take the place of those that come with AURAL
            name, ratio, task = _made_for(path)
            if task == (self.twin, self.sample_rate):
                published.setdefault(name, {}).setdefault(ratio, path)
        return {
            "spline" if self.twin == "decimated" else "input": unchanged,
            **{name: partial(restored, published[name]) for name in sorted(published)},
            **{name: partial(continued, engine, None) for name, engine in engines.items()},
            **own,
        }

    def cases(self) -> Sequence[Case]:
        found = self._walked(Path(self.clean)) if self.clean else self._held_out()
        if self.twin == "coded":
            return [Case(name, partial(self._coded, name, kind, source)) for name, kind, source in found]
        return [
            Case(f"{name} r={ratio}", partial(self._decimated, name, kind, source, ratio))
            for name, kind, source in found
            for ratio in self.ratio
        ]

    def _held_out(self) -> list[tuple[str, str, Clip | Path]]:
        part = None if self.part == "all" else self.part
        found: list[tuple[str, str, Clip | Path]] = []
        for kind in KINDS:
            if folder := getattr(self, kind):
                long = (c for c in find(folder, kind, part) if c.seconds * self.sample_rate >= 2 * WINDOW)
                clips = [c for c in long if c.bandwidth_hz >= 0.45 * self.sample_rate]
                spread = sorted(clips, key=lambda clip: (clip.group, clip.path))[self._spread(len(clips))]
                found += [(str(clip.path.relative_to(folder)), kind, clip) for clip in spread]
        return found

    def _walked(self, folder: Path) -> list[tuple[str, str, Clip | Path]]:
        kinds: dict[str, list[Path]] = {}
        for path in recordings(folder):
            kinds.setdefault("-" if path.parent == folder else path.parent.name, []).append(path)
        return [
            (str(path.relative_to(folder)), kind, path)
            for kind, paths in kinds.items()
            for path in paths[self._spread(len(paths))]
        ]

    def _spread(self, count: int) -> slice:
        """Choose as many of so many recordings of a kind as are wanted, from the first to the last."""
        step = max(1, count // self.files)
        return slice(0, step * self.files, step)

    def _decimated(self, name: str, kind: str, source: Clip | Path, ratio: int) -> Sample:
        target = self._target(source)
        labels = {"material": f"{kind}, r = {ratio}", "ratio": str(ratio)}
        return Sample(name, poorer(target, ratio)[None], target[None], self.sample_rate, labels)

    def _coded(self, name: str, kind: str, source: Clip | Path) -> Sample:
        target = self._target(source)
        degraded = lossy(target, self.sample_rate, np.random.default_rng(crc32(name.encode())))
        return Sample(name, degraded[None], target[None], self.sample_rate, {"material": f"{kind}, coded"})

    def _target(self, source: Clip | Path) -> Audio:
        target = _read(source, self.sample_rate)[: round(self.clip_s * self.sample_rate)]
        if len(target) < WINDOW or not target.any():
            raise AudioError("is silent, or too short to judge")
        return target

    def notes(self) -> Sequence[str]:
        made, left_out = "MP3 and AAC at 24 to 96 kbit/s", []
        if self.twin == "decimated":
            made = "decimated behind a Chebyshev low-pass of order 8"
        if not shipped():
            left_out += [
                f"The published networks are left out: their weights come with a clone of AURAL's sources alone, in "
                f"{PUBLISHED}; network names any."
            ]
        elif (self.twin, self.sample_rate) != (TWINS[0], NARROW_RATE):
            left_out += [
                "The published networks that come with AURAL, made for decimated twins at 16 kHz, are left out."
            ]
        return [
            f"{self.sample_rate / 1000:g} kHz, {made}. SNR as Kuleshov, Enam and Ermon define it; LSD in "
            "dB, as everywhere in AURAL; MAD is the mean absolute difference.",
            *left_out,
        ]


def shipped() -> list[Path]:
    """List the weights of published networks, which a clone of AURAL has, and an installed package has not."""
    return sorted((Path(__file__).parent / "published" / "weights").glob("*.safetensors"))


def _made_for(path: Path) -> tuple[str, str | None, tuple[str, int]]:
    """Return what a network is called, its ratio where it has one, and what makes its twins, at what sample rate.

    Raises:
        WeightsError: the file is missing, damaged, or not of a training of frequency expansion.
    """
    _, about = weights.load(path)
    try:
        name, settings = about["network"], about["settings"]
        ratio = str(settings["ratio"])
    except KeyError as error:
        raise WeightsError("does not say what it was trained for", path=path) from error
    twin, rate = settings.get("twin", "decimated"), settings.get("sample_rate", NARROW_RATE)
    return name, ratio if twin == "decimated" else None, (twin, rate)


@cache
def _opened(path: Path) -> Any:
    _, about = weights.load(path)
    try:
        name, ratio, width = (about["settings"][key] for key in ("network", "ratio", "width"))
        made = network(name, ratio, None if width is None else min(width, MOST_WIDTH))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError("does not say how its network is made", path=path) from error
    return weights.into(made, path)


def restored(paths: Mapping[str | None, Path], sample: Sample) -> Block | None:
    """Run the network that is made for this twin, if there is one."""
    import torch

    path = paths.get(sample.labels.get("ratio"))
    if path is None:
        return None
    with torch.inference_mode():
        return np.asarray(devices.run(devices.placed(_opened(path)), torch.from_numpy(sample.input)).numpy())


def continued(engine: type[ExpansionEngine], own: str | None, sample: Sample) -> Block:
    """Let the stage continue the twin, by the network of these weights or AURAL's.

    Of a decimated twin, its input are the frames that the splines went through, and the cut-off is given. A
    coded twin is the input as it is.
    """
    from scipy.signal import resample_poly

    degraded, rate, cutoff_hz = sample.input, sample.sample_rate, None
    if ratio := int(sample.labels.get("ratio", 0)):
        cutoff_hz = PASSED * rate / 2 / ratio
        degraded = resample_poly(degraded[:, ::ratio], ratio, 1, axis=1)[:, : degraded.shape[1]].astype(np.float32)
    stage = FrequencyExpansion(engine=engine.name, cutoff_hz=cutoff_hz, weights=own)
    made = stage.render([degraded], Format(rate, 1))
    wide = np.concatenate(list(made.blocks), axis=-1)[0]
    return np.asarray(soxr.resample(wide, made.output.sample_rate, rate), np.float32)[None, : degraded.shape[1]]


def _read(source: Clip | Path, sample_rate: int) -> Audio:
    if isinstance(source, Clip):
        return excerpt(source, sample_rate)
    audio, rate = read(source)
    return np.asarray(soxr.resample(audio[0], rate, sample_rate), np.float32)
