"""The device of networks: chosen in one place, refused in one sentence, the same output on each."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from operator import methodcaller
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from guessing import NETWORKS as LEVELS
from recordings import EXAMPLE, refused
from tiny_demucs import save_tensors, tiny
from tiny_msst import save_tiny

import aural
from aural import ParameterError, devices, registry
from aural.cli.processes import in_processes
from aural.learning import weights
from aural.stages.source_separation.engines.voice.network import Voice
from aural.testing import SAMPLE_RATE, probe

HERE = [name for name in ("cuda", "mps") if getattr(torch, name).is_available()]
NETWORKS = [
    (name, engine.name)
    for name in registry.names()
    for engine in registry.stage_class(name).engines
    if engine.uses_device and (engine.name != "msst" or find_spec("msst"))
]


@pytest.fixture(autouse=True)
def _chosen() -> Iterator[None]:
    """Leave the device as it was."""
    before = devices.wanted()
    yield
    aural.device(before)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    """Return parameters, by stage and engine, by which it has weights, and something to do."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    save_tensors(tiny(), folder / "tiny.safetensors")
    drawn = weights.save(Voice().state_dict(), folder, "voice", {})
    levels = {
        ("frequency-generation", name): {
            "weights": str(weights.save(engine.network().state_dict(), folder, name, {})),
            "cutoff_hz": 6000.0,
        }
        for name, engine in LEVELS.items()
    }
    return {
        ("frequency-expansion", "envelope"): {"cutoff_hz": 6000.0},
        ("source-separation", "demucs"): {"model": str(folder / "tiny.safetensors")},
        ("source-separation", "voice"): {"weights": str(drawn)},
        **levels,
        ("source-separation", "msst"): {"checkpoint": str(save_tiny(folder / "tiny.ckpt"))}
        if find_spec("msst")
        else {},
    }


def output(stage: str, engine: str, values: dict[str, Any]) -> np.ndarray:
    made = registry.create(stage, engine=engine, **values)
    out: Any = made(probe("voice", 2.0, 2), SAMPLE_RATE)  # type: ignore[operator]
    return np.concatenate(list(out.values())) if isinstance(out, dict) else out


def test_every_network_is_listed() -> None:
    assert {engine for _, engine in NETWORKS} >= {"compact", "unet", "envelope", "demucs", "voice"}


@pytest.mark.skipif(not HERE, reason="neither CUDA nor MPS is available on this machine")
@pytest.mark.parametrize("device", HERE)
@pytest.mark.parametrize(("stage", "engine"), NETWORKS)
def test_devices_give_what_the_cpu_gives(
    stage: str, engine: str, device: str, given: dict[tuple[str, str], dict[str, Any]]
) -> None:
    values = given.get((stage, engine), {})
    aural.device("cpu")
    reference = output(stage, engine, values)
    aural.device(device)
    assert np.abs(output(stage, engine, values) - reference).max() < 1e-3 * np.abs(reference).max()


@pytest.mark.parametrize(("stage", "engine"), NETWORKS)
def test_networks_are_moved_and_run_in_one_place(
    stage: str, engine: str, given: dict[tuple[str, str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no other device, that the network of a stream is moved, and called through `run`, is seen so."""
    seen: list[str] = []

    def note(what: str) -> Any:
        before = getattr(devices, what)

        def noting(*given: Any) -> Any:
            seen.append(what)
            return before(*given)

        return noting

    for what in ("resolved", "run"):
        monkeypatch.setattr(devices, what, note(what))
    output(stage, engine, given.get((stage, engine), {}))
    assert {"resolved", "run"} <= set(seen)


def test_a_network_takes_and_gives_tensors_alone_or_in_lists() -> None:
    class Doubling(torch.nn.Linear):
        def forward(self, x: Any, memory: Any = ()) -> Any:
            return (2 * x, [*memory, x]) if memory else 2 * x

    network, x = Doubling(2, 2), torch.arange(3.0)
    assert torch.equal(devices.run(network, x), 2 * x)
    doubled, memory = devices.run(network, x, [x])
    assert torch.equal(doubled, 2 * x)
    assert isinstance(memory, list)
    assert all(torch.equal(kept, x) for kept in memory)


def test_tensor_cores_do_not_round_the_numbers_of_a_network() -> None:
    class Asking(torch.nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + float(torch.backends.cudnn.allow_tf32)

    before = torch.backends.cudnn.allow_tf32
    assert devices.run(Asking(1, 1), torch.zeros(1)).item() == 0
    assert torch.backends.cudnn.allow_tf32 == before


def test_unknown() -> None:
    with pytest.raises(ParameterError, match=r"device must be one of auto, cpu, cuda, mps, got 'gpu'"):
        aural.device("gpu")


@pytest.mark.parametrize("missing", sorted({"cuda", "mps"} - set(HERE)))
def test_missing(missing: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=rf"{missing} is not available on this machine; choose auto or cpu"):
        aural.device(missing)
    sentence = f"{missing} is not available on this machine"
    refused(tmp_path, sentence, "clean", EXAMPLE, "-o", tmp_path / "a.wav", "--device", missing)
    refused(tmp_path, sentence, "chain", EXAMPLE, tmp_path / "a.wav", "--device", missing, "noise-reduction")


def test_other_processes_are_told() -> None:
    aural.device("cpu")
    assert list(in_processes([devices], methodcaller("wanted"), 1)) == ["cpu"]


def test_one_thread_is_for_as_long_as_it_is_asked_for() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with devices.one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with pytest.raises(ZeroDivisionError), devices.one_thread():
            raise ZeroDivisionError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
