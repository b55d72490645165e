"""What the published networks are judged by: the table of Kuleshov and others, for one's own recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import soxr
from numpy.typing import NDArray

from aural.audio.files import READABLE, read
from aural.errors import AudioError, ParameterError, WeightsError
from aural.learning import evaluation, weights
from aural.learning.evaluation import Case, Sample, System, unchanged
from aural.learning.material import Clip, find
from aural.learning.material import read as excerpt
from aural.metrics import Metric
from aural.parameters import param
from aural.stage import Block
from aural.stages.frequency_expansion.fullband import LOWEST_HZ
from aural.stages.frequency_expansion.published import KINDS, NETWORKS, PASSED, RATIOS, network, poorer
from aural.stages.frequency_expansion.stage import ENGINES, FrequencyExpansion

Audio = NDArray[np.float32]
WINDOW = 2048
STAGE_RATE = 48000


def snr_db(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Measure 10 log10 |r|^2 / |r - e|^2, as Kuleshov and others define it; nothing is scaled."""
    r, e = reference.astype(np.float64), estimate.astype(np.float64)
    return float(10 * np.log10((r @ r + 1e-20) / (np.square(r - e).sum() + 1e-20)))


def lsd(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Measure the log-spectral distance as Kuleshov and others define it; nothing is scaled.

    mean over frames of sqrt(mean over bins of (log10 |R|^2 - log10 |E|^2)^2), spectra of 2048 frames under a Hann
    window every 512, powers not below 1e-10 of full scale squared.
    """
    levels = [np.log10(np.maximum(_power(audio), 1e-10)) for audio in (reference, estimate)]
    return float(np.sqrt(np.square(levels[0] - levels[1]).mean(axis=1)).mean())


def _power(audio: Audio) -> NDArray[np.float64]:
    padded = np.pad(audio.astype(np.float64), (0, max(0, WINDOW - len(audio))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[:: WINDOW // 4]
    return np.abs(np.fft.rfft(frames * np.hanning(WINDOW))) ** 2


def mad(reference: Audio, estimate: Audio, sample_rate: int) -> float:
    """Measure the mean absolute difference, in thousandths of full scale."""
    return float(1000 * np.abs(reference - estimate).mean())


@dataclass(frozen=True, kw_only=True)
class Evaluation(evaluation.Evaluation):
    """Judge super-resolution at a low sample rate: SNR and LSD by ratio and material, as Kuleshov and others do.

    Give recordings, or folders of voices and music, of which those are taken that training holds out. Each is
    decimated, brought back by cubic splines (the baseline), restored by every published network that has weights, and
    continued by the engines of the stage.

    Raises:
        ParameterError: besides ranges, no folder is given, or both ways, or a ratio is not 2, 4 or 6.
    """

    title: ClassVar[str] = "Frequency expansion"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("SNR", "dB", 1, True, snr_db),
        Metric("LSD", "", 2, False, lsd),
        Metric("MAD", "/1000", 2, False, mad),
    )
    clean: str | None = param(None, "Folder of recordings; its subfolders are kinds of material")
    speech: str | None = param(None, "Folder of voices")
    music: str | None = param(None, "Folder of music")
    part: str = param("test", "Which speakers and songs are heard: those held out to the end, those held out while "
                      "training, or all", choices=("test", "validation", "all"))  # fmt: skip
    ratio: tuple[int, ...] = param(RATIOS, "How many times lower the sample rate is")
    network: tuple[str, ...] = param((), "A network of one's own training: the path of a .safetensors file; may be "
                                     "given several times")  # fmt: skip
    sample_rate: int = param(16000, "Sample rate of the material", unit="Hz", low=8000, high=48000)
    clip_s: float = param(8.0, "Length that is heard of each recording, at most", unit="s", low=0.5, high=600.0)
    files: int = param(40, "Recordings of a kind, at most", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.clean) == bool(self.speech or self.music):
            raise ParameterError("evaluation: give either clean, or speech and music, or one of them")
        if not self.ratio or set(self.ratio) - set(RATIOS):
            raise ParameterError(f"evaluation: ratio must be among 2, 4 and 6, got {self.ratio!r}")

    def systems(self) -> Mapping[str, System]:
        own = [(*_made_for(Path(path)), Path(path)) for path in self.network]
        by_name: dict[str, dict[int, Path]] = {}
        engines: dict[str, str | None] = dict.fromkeys(ENGINES)
        for name, ratio, path in own:
            if name in engines:
                if engines[name]:
                    raise ParameterError(f"evaluation: two networks are called {name!r}")
                engines[name] = str(path)
                continue
            if ratio in by_name.setdefault(name, {}):
                raise ParameterError(f"evaluation: two networks are called {name!r} and made for ratio {ratio}")
            by_name[name][ratio] = path
        for path in shipped():  # one's own take the place of those that come with AURAL
            name, ratio = _made_for(path)
            by_name.setdefault(name, {}).setdefault(ratio, path)
        published = {name: partial(restored, paths) for name, paths in sorted(by_name.items())}
        return {
            "spline": unchanged,
            **published,
            **{name: partial(expanded, name, path) for name, path in engines.items()},
        }

    def cases(self) -> Sequence[Case]:
        recordings = _walked(Path(self.clean)) if self.clean else self._held_out()
        return [
            Case(f"{name} r={ratio}", partial(self._sample, name, kind, source, ratio))
            for name, kind, source in recordings
            for ratio in self.ratio
        ]

    def _held_out(self) -> list[tuple[str, str, Clip | Path]]:
        part = None if self.part == "all" else self.part
        found: list[tuple[str, str, Clip | Path]] = []
        for kind in KINDS:
            if folder := getattr(self, kind):
                long = (c for c in find(folder, kind, part) if c.seconds * self.sample_rate >= 2 * WINDOW)
                clips = [c for c in long if c.bandwidth_hz >= 0.45 * self.sample_rate]
                spread = sorted(clips, key=lambda clip: (clip.group, clip.path))
                step = max(1, len(spread) // self.files)
                found += [(str(clip.path.relative_to(folder)), kind, clip) for clip in spread[::step][: self.files]]
        return found

    def _sample(self, name: str, kind: str, source: Clip | Path, ratio: int) -> Sample:
        wanted = _read(source, self.sample_rate)[: round(self.clip_s * self.sample_rate)]
        if len(wanted) < WINDOW or not wanted.any():
            raise AudioError("is silent, or too short to judge")
        heard = poorer(wanted, ratio)
        return Sample(name, heard[None], wanted[None], self.sample_rate, {
            "material": f"{kind}, r = {ratio}", "ratio": str(ratio)
        })  # fmt: skip

    def notes(self) -> Sequence[str]:
        return [
            f"{self.sample_rate / 1000:g} kHz, decimated behind a Chebyshev low-pass of order 8. SNR and LSD as "
            "Kuleshov, Enam and Ermon define them, over log10 of the power; MAD is the mean absolute difference. "
            f"fullband is left out where less than {LOWEST_HZ / 1000:g} kHz are left."
        ]


def shipped() -> list[Path]:
    """List the weights of published networks that come with AURAL."""
    folder = Path(__file__).parent / "weights"
    return [path for path in sorted(folder.glob("*.safetensors")) if path.name.startswith(NETWORKS)]


def _made_for(path: Path) -> tuple[str, int]:
    """Return what a network is called, and its ratio.

    Raises:
        WeightsError: the file is missing, damaged, or not of a training of frequency expansion.
    """
    _, about = weights.load(path)
    try:
        return about["network"], about["settings"]["ratio"]
    except KeyError as error:
        raise WeightsError(f"{path}: does not say what it was trained for") from error


@cache
def _opened(path: Path) -> Any:
    _, about = weights.load(path)
    settings = about["settings"]
    return weights.into(network(settings["network"], settings["ratio"], settings["width"]), path)


def restored(paths: Mapping[int, Path], sample: Sample) -> Block | None:
    """Run the network that is made for this ratio, if there is one."""
    import torch

    path = paths.get(int(sample.labels["ratio"]))
    if path is None:
        return None
    with torch.inference_mode():
        return np.asarray(_opened(path)(torch.from_numpy(sample.heard)).numpy())


def expanded(engine: str, own: str | None, sample: Sample) -> Block | None:
    """Let the stage continue what was decimated: the frames that the splines went through.

    The network, of these weights or AURAL's, is not asked about cut-offs that it was not made for.
    """
    from scipy.signal import resample_poly

    ratio, rate = int(sample.labels["ratio"]), sample.sample_rate
    cutoff_hz = PASSED * rate / 2 / ratio
    if engine == "fullband" and cutoff_hz < LOWEST_HZ:
        return None
    narrow = resample_poly(sample.heard[:, ::ratio], ratio, 1, axis=1)[:, : sample.heard.shape[1]]
    stage = FrequencyExpansion(engine=engine, cutoff_hz=cutoff_hz, sample_rate=STAGE_RATE, weights=own)
    wide = stage(narrow.astype(np.float32), rate)
    return np.asarray(soxr.resample(wide[0], STAGE_RATE, rate), np.float32)[None]


def _walked(folder: Path) -> list[tuple[str, str, Clip | Path]]:
    if not folder.is_dir():
        raise AudioError(f"{folder}: no such folder")
    files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in READABLE]
    if not files:
        raise AudioError(f"{folder}: no audio in this folder")
    kinds = ("-" if path.parent == folder else path.parent.name for path in files)
    return [(str(path.relative_to(folder)), kind, path) for kind, path in zip(kinds, files, strict=True)]


def _read(source: Clip | Path, sample_rate: int) -> Audio:
    if isinstance(source, Clip):
        return excerpt(source, sample_rate)
    audio, rate = read(source)
    return np.asarray(soxr.resample(audio[0], rate, sample_rate), np.float32)
