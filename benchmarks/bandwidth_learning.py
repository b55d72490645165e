"""Trains the network that tells the slopes of filters from those of voices and instruments.

    python benchmarks/bandwidth_learning.py         judge the weights in the package
    python benchmarks/bandwidth_learning.py train   train them anew: ten minutes of one core

Mean spectra of recordings that training may hear are multiplied by the responses of filters and resamplers, with
noise below; every fall that `edges.falls` lists becomes an example.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from corpus import CORPUS
from numpy.typing import NDArray
from report import table, write
from torch import Tensor, nn
from torch.nn import functional

from aural.learning.material import find, read
from aural.measure.bandwidth import edges
from aural.measure.bandwidth.meter import WINDOW, BandwidthMeter
from aural.signals import Format

Array = NDArray[np.float64]

RATE = 48000
SECONDS = 12
PER_GROUP = 6
DRAWS, HELD_DRAWS = 26000, 3000
STEPS, BATCH = 3500, 512
RATIO = np.arange(0, 16, 1 / 400)  # of the cut-off
HZ = np.fft.rfftfreq(WINDOW, 1 / RATE)
OUT = Path(__file__).parent.parent / "aural" / "measure" / "bandwidth" / "weights" / "edges.json"


def windowed_sinc(zeros: float, window: Callable[[Array], Array]) -> Array:
    """Return the response of a resampler's kernel that ends after so many zeros, over RATIO."""
    reach = int(40 * zeros)
    time = np.arange(-reach, reach + 1) / 40
    kernel = np.sinc(time) * window(time / zeros)
    response = np.abs(np.fft.rfft(kernel / kernel.sum(), 1 << 15))
    return np.interp(RATIO, np.linspace(0, 40, response.size), response)


def kaiser(beta: float) -> Callable[[Array], Array]:
    return lambda t: np.i0(beta * np.sqrt(np.maximum(0, 1 - t * t))) / np.i0(beta)


def library() -> list[Array]:
    """List responses over RATIO, all 6 dB down at 1: windowed sincs, once or twice, and Butterworth filters."""
    found = []
    windows: list[Callable[[Array], Array]] = [
        lambda t: np.cos(np.pi * t / 2) ** 2,
        kaiser(5),
        kaiser(8.5),
        kaiser(12),
    ]
    for zeros in (5, 6, 8, 10, 12, 16, 24, 32, 48, 64, 100):
        for window in windows:
            once = windowed_sinc(zeros, window)
            found.append(once)
            for rolloff in (0.85, 0.92, 0.97, 1.0):
                slope = np.interp(RATIO / rolloff, RATIO, once)
                image = np.where((RATIO > 1) & (RATIO < 2), np.interp(np.abs(2 - RATIO), RATIO, slope), 0.0)
                found += [slope * np.sqrt(slope**2 + image**2)] * (2 if zeros in (6, 16, 32) else 1)
    found += [1 / np.sqrt(1 + RATIO ** (2 * order)) for order in (6, 7, 8, 9, 10, 12, 16, 20)]
    six_db = [RATIO[np.flatnonzero(response < 0.5)[0]] for response in found]
    return [np.maximum(np.interp(RATIO * at, RATIO, one), 1e-6) for at, one in zip(six_db, found, strict=True)]


def spectra(part: str) -> list[tuple[float, Array, Array]]:
    """Read recordings: up to where each is the original, and sums and counts of its windows by level."""
    found = []
    for folder, kind in (("speech", "speech"), ("speech_fullband", "speech"), ("music", "music")):
        taken: dict[str, int] = {}
        for clip in find(CORPUS / folder, kind, part):
            if clip.bandwidth_hz < 15000 or clip.seconds < 2 or taken.get(clip.group, 0) == PER_GROUP:
                continue
            taken[clip.group] = taken.get(clip.group, 0) + 1
            meter = BandwidthMeter(Format(RATE, 1))
            meter.update(read(clip, RATE)[None, : SECONDS * RATE])
            if meter.counts[1:].sum() > 3:
                found.append((clip.bandwidth_hz, meter.sums.copy(), meter.counts.copy()))
    return found


def drawn(recordings: list[tuple[float, Array, Array]], count: int, seed: int) -> Iterator[tuple[Array, list[float]]]:
    """Draw examples: a profile; whether a filter made the fall, how far off it cuts, and whether that is known."""
    rng, responses = np.random.default_rng(seed), library()
    for number in range(count):
        top_hz, sums, counts = recordings[number % len(recordings)]
        if rng.random() < 0.06:  # noise
            top_hz = RATE / 2
            magnitude = np.abs(1 + 0.05 * rng.standard_normal(HZ.size)) / (1 + HZ / 1000) ** rng.uniform(0, 2.5)
        else:
            steps = np.flatnonzero(counts)
            least = steps[int(rng.integers(max(1, steps.size - 1)))] if rng.random() < 0.5 else steps[0]
            magnitude = sums[least:].sum(axis=0) / counts[least:].sum()
        magnitude = magnitude * np.maximum(HZ, 50) ** (rng.normal(0, 3) / 6.02)
        cutoff_hz = 0.0
        if rng.random() < 0.75:
            cutoff_hz = float(np.exp(rng.uniform(np.log(1700), np.log(min(20000, 0.93 * top_hz)))))
            response = responses[int(rng.integers(len(responses)))]
            magnitude = magnitude * np.interp(HZ / cutoff_hz, RATIO, response)
        if rng.random() < 0.6:
            below_db, slope = rng.uniform(15, 110), rng.uniform(-1, 0.3)
            floor = magnitude.max() * 10 ** (-below_db / 20) * (np.maximum(HZ, 100) / 3000) ** slope
            magnitude = np.hypot(magnitude, floor)
        if rng.random() < 0.5:  # Opus
            magnitude = magnitude * np.interp(HZ, [20000, 20400, 24000], [1, 10 ** -rng.uniform(0, 2), 0.01])
        if not magnitude.any():
            continue
        hz, level_db = edges.levels(magnitude, RATE / 2)
        for edge in edges.falls(hz, level_db)[0]:
            distance = np.log(cutoff_hz / hz[edge]) if cutoff_hz else np.inf
            made = abs(distance) < edges.SPAN
            known = made or (hz[edge] < 14000 and hz[edge] < 0.85 * top_hz)  # what lies above may be a codec's
            yield edges.profile(level_db, edge), [made, distance if made else 0.0, known]


def losses(network: nn.Module, profiles: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss of the decision and that of the distance."""
    made, distance, known = truth.T
    odds, predicted = network(profiles).T
    wrong = functional.binary_cross_entropy_with_logits(odds, made, weight=known, reduction="sum") / known.sum()
    off = functional.huber_loss(0.1 * predicted, distance, delta=0.03, reduction="none")
    return wrong, (off * made).sum() / made.sum()


def examples(part: str, count: int) -> tuple[Tensor, Tensor]:
    """Return the profiles of one side of the split, and the truth about each."""
    profiles, truth = zip(*drawn(spectra(part), count, count), strict=True)
    return torch.tensor(np.array(profiles), dtype=torch.float32), torch.tensor(np.array(truth), dtype=torch.float32)


def train() -> None:
    """Train on one part, print what the other says, and write the weights."""
    torch.manual_seed(0)
    profiles, truth = examples("train", DRAWS)
    held_profiles, held_truth = examples("validation", HELD_DRAWS)
    layers = [nn.Linear(edges.PROFILE.size, 32), nn.SiLU(), nn.Linear(32, 16), nn.SiLU(), nn.Linear(16, 2)]
    network = nn.Sequential(*layers)
    optimiser = torch.optim.AdamW(network.parameters(), 6e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, STEPS)
    for step in range(1, STEPS + 1):
        chosen = torch.randint(len(profiles), (BATCH,))
        noisy = profiles[chosen] + 0.01 * torch.randn(BATCH, edges.PROFILE.size)
        wrong, off = losses(network, noisy, truth[chosen])
        optimiser.zero_grad()
        (wrong + 600 * off).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if step % 500 == 0:
            with torch.no_grad():
                predicted, made = network(held_profiles), held_truth[:, 0] > 0
                found = predicted[:, 0] > 0
                natural = ~made & (held_truth[:, 2] > 0)
                error = (0.1 * predicted[made, 1] - held_truth[made, 1]).abs()
            recall, alarms = found[made].float().mean(), found[natural].float().mean()
            print(f"{step}: recall {recall:.3f}, false alarms {alarms:.3f}, error {error.median():.4f}", flush=True)
    kept = [one for one in layers if isinstance(one, nn.Linear)]
    rounded = [{name: _rounded(tensor) for name, tensor in one.state_dict().items()} for one in kept]
    OUT.write_text(json.dumps({"trained": "benchmarks/bandwidth_learning.py", "layers": rounded}) + "\n")


def _rounded(tensor: Tensor) -> object:
    return np.round(tensor.numpy().astype(np.float64), 4).tolist()


def judge() -> None:
    """Report what the weights say of held-out recordings."""
    profiles, truth = (one.numpy().astype(np.float64) for one in examples("validation", HELD_DRAWS))
    odds, distances = edges.judged(profiles)
    made, natural = truth[:, 0] > 0, (truth[:, 0] == 0) & (truth[:, 2] > 0)
    error = np.abs(distances - truth[:, 1])[made & (odds > edges.SURE_ODDS)]
    row = [f"{100 * np.mean(odds[some] > edges.SURE_ODDS):.0f} % of {some.sum()}" for some in (made, natural)]
    header = ["a filter's, found", "natural, taken for a filter's", "median error of the cut-off", "90 % below"]
    figures = [*row, *(f"{100 * np.quantile(error, share):.1f} %" for share in (0.5, 0.9))]
    text = "Falls of 13 dB or more in spectra of held-out recordings, with and without a filter and noise.\n\n"
    write("Bandwidth: the meter's network", "bandwidth_learning.py", text + table(header, [figures]))


if __name__ == "__main__":
    train() if sys.argv[1:] == ["train"] else judge()
