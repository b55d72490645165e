"""Finding demucs networks, and running them in segments. Nothing here touches the network."""

from __future__ import annotations

import json
import random
import urllib.error
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from demucs import apply, states
from demucs.apply import BagOfModels, apply_model
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs
from programs import Program

from aural import AudioError, Format, NotReady, WeightsError
from aural.stages.source_separation.engines.demucs import network as demucs_network
from aural.stages.source_separation.stage import SourceSeparation
from aural.testing import probe

STEMS = ["drums", "bass", "other", "vocals"]
HYBRID = "demucs.htdemucs.HTDemucs"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    torch.set_num_threads(1)
    yield
    demucs_network._open.cache_clear()
    demucs_network._fetch.cache_clear()


def tiny(seed: int = 0, **options: Any) -> Any:
    torch.manual_seed(seed)
    small: dict[str, Any] = {
        "channels": 4,
        "dconv_mode": 0,
        "t_layers": 1,
        "t_heads": 1,
        "t_hidden_scale": 1.0,
    }
    return HTDemucs(STEMS, **small, segment=Fraction(39, 20), **options).eval()


def packed(network: Any) -> Any:
    return states.get_state(network, None)  # type: ignore[no-untyped-call]


def package(network: Any) -> dict[str, Any]:
    """Pack a network as demucs does for its repositories."""
    args, kwargs = network._init_args_kwargs
    state = packed(network)
    return {"klass": type(network), "args": args, "kwargs": kwargs, "state": state, "training_args": {}}


def save_tensors(network: Any, path: Path, state: Any = None, klass: str = HYBRID, **changed: Any) -> None:
    """Save a network as demucs does for the Hugging Face hub; if asked, with something else inside."""
    from safetensors.torch import save_file

    args, kwargs = network._init_args_kwargs
    args = changed.pop("args", args)
    kwargs = kwargs | {"segment": {"_type": "fraction", "numerator": 39, "denominator": 20}} | changed
    metadata = {"klass": klass, "args": json.dumps(args), "kwargs": json.dumps(kwargs)}
    save_file(packed(network) if state is None else state, path, metadata)


def separate(network: Any, **options: Any) -> np.ndarray:
    return np.stack(list(SourceSeparation(model=network, **options)(probe("voice"), 48000).values()))


def test_a_path_gives_what_the_module_gives(tmp_path: Path) -> None:
    wanted = separate(tiny())
    torch.save(package(tiny()), tmp_path / "one.th")
    save_tensors(tiny(), tmp_path / "two.safetensors")
    for path in (tmp_path / "two.safetensors", str(tmp_path / "two.safetensors")):
        stage = SourceSeparation(model=path, two_stems="vocals")
        assert stage.stems == ("vocals", "no_vocals")
        assert np.array_equal(separate(path), wanted)
    assert demucs_network.load(tmp_path / "two.safetensors") is demucs_network.load(str(tmp_path / "two.safetensors"))
    trusted = demucs_network.load(tmp_path / "one.th", trust=True)
    assert np.array_equal(separate(trusted), wanted)
    with pytest.raises(WeightsError, match="is a pickle"):  # what was trusted once is not trusted the next time
        demucs_network.load(tmp_path / "one.th")


@pytest.mark.parametrize("layout", ["th", "safetensors"])
def test_a_bag_in_a_folder(tmp_path: Path, layout: str) -> None:
    members = [tiny(seed) for seed in (1, 2)]
    weights = [[1.0, 0.0, 0.5, 1.0], [0.0, 1.0, 0.5, 2.0]]
    for name, member in zip(("aaaa", "bbbb"), members, strict=True):
        if layout == "th":
            states.save_with_checksum(  # type: ignore[no-untyped-call]
                package(member), tmp_path / f"{name}.th"
            )
        else:
            save_tensors(member, tmp_path / f"{name}.safetensors")
    (tmp_path / "mine.yaml").write_text(json.dumps({"models": ["aaaa", "bbbb"], "weights": weights}))
    wanted = separate(BagOfModels(members, weights))
    for path in (tmp_path, tmp_path / "mine.yaml"):
        assert np.array_equal(separate(demucs_network.load(path, trust=layout == "th")), wanted)


RATE = 8000


def transformer(seed: int = 0) -> Any:
    return tiny(seed, samplerate=RATE)


def hybrid(seed: int = 0, segment: float = 2) -> Any:
    torch.manual_seed(seed)
    small: dict[str, Any] = {"channels": 4, "nfft": 256, "depth": 4, "dconv_mode": 0, "norm_starts": 9}
    return HDemucs(STEMS, **small, segment=segment, samplerate=RATE).eval()


def in_time(seed: int = 0) -> Any:
    """Make a network that takes more than a segment to give one."""
    torch.manual_seed(seed)
    return Demucs(
        STEMS, channels=4, depth=3, dconv_mode=0, lstm_layers=0, segment=2, samplerate=RATE, normalize=False
    ).eval()


def bag() -> Any:
    return BagOfModels([transformer(1), hybrid(2, segment=3)], [[1.0, 0.0, 0.5, 1.0], [0.0, 1.0, 0.5, 2.0]])


NETWORKS = {"transformer": transformer, "hybrid": hybrid, "in time": in_time, "bag": bag}


def reference(network: Any, audio: np.ndarray, **options: Any) -> np.ndarray:
    """Do what demucs does: bring the recording to unit level and apply the model."""
    mixture = torch.tensor(audio)
    mono = mixture.mean(0)
    level = mono.std() + 1e-8
    with torch.no_grad():
        estimates = apply_model(network, ((mixture - mono.mean()) / level)[None], **options)[0] * level
    return np.asarray(estimates)


def apart_db(stems: dict[str, np.ndarray], wanted: np.ndarray) -> float:
    """Return how far the stems that demucs estimates lie from what it gives, in dB below that; the worst of them."""
    ratios = [
        np.sum((stems[name] - estimate) ** 2.0) / np.sum(estimate**2.0)
        for name, estimate in zip(STEMS, wanted, strict=True)
        if name != "other"
    ]
    return float(10 * np.log10(max(ratios)))


def noise(frames: int) -> np.ndarray:
    audio: np.ndarray = np.random.default_rng(0).standard_normal((2, frames)) * 0.1 + 1e-3
    return audio.astype(np.float32)


@pytest.mark.parametrize("frames", [100, 5000, 15600, 15601, 23400, 50001])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_stream_is_what_demucs_gives(name: str, frames: int) -> None:
    network, audio = NETWORKS[name](), noise(frames)
    assert apart_db(SourceSeparation(model=network)(audio, RATE), reference(network, audio, shifts=0)) < -80


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    ("ours", "theirs"), [({"overlap": 0.6}, {"overlap": 0.6}), ({"segment_s": 1.0}, {"segment": 1.0})]
)
def test_other_segments_are_what_demucs_gives(name: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    network, audio = NETWORKS[name](), noise(40000)
    stems = SourceSeparation(model=network, **ours)(audio, RATE)
    assert apart_db(stems, reference(network, audio, shifts=0, **theirs)) < -80
    if name != "in time":  # a small one gives the same wherever its segments lie
        assert apart_db(stems, reference(network, audio, shifts=0)) > -80


@pytest.mark.parametrize("name", NETWORKS)
def test_shifts_are_what_demucs_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, audio = NETWORKS[name](), noise(20000)
    monkeypatch.setattr(apply, "random", random.Random(0))
    wanted = reference(network, audio, shifts=2)
    assert apart_db(SourceSeparation(model=network, shifts=2)(audio, RATE), wanted) < -80
    assert apart_db(SourceSeparation(model=network)(audio, RATE), wanted) > -80


def test_the_level_of_the_recording_is_measured_or_given() -> None:
    audio = np.random.default_rng(0).standard_normal((2, 20000)).astype(np.float32) * 0.1 + 0.05
    stage = SourceSeparation(model=transformer())
    assert not stage.ready
    with pytest.raises(NotReady, match="measured_offset, measured_level_dbfs"):
        stage.open(Format(RATE, 2))
    ready = stage.measure(np.array_split(audio, 3, axis=1), Format(RATE, 2))
    mono = audio.mean(axis=0, dtype=np.float64)
    assert ready.measured_offset == pytest.approx(mono.mean(), abs=1e-9)
    assert ready.measured_level_dbfs == pytest.approx(20 * np.log10(mono.std(ddof=1)), abs=1e-4)
    assert SourceSeparation(engine="hpss").ready

    def unread() -> Iterator[np.ndarray]:
        pytest.fail("the recording is read")
        yield audio

    with pytest.raises(AudioError, match="the model takes 1 or 2 channels, not 3"):
        stage.measure(unread(), Format(RATE, 3))
    given = SourceSeparation(model=transformer(), measured_offset=0.0, measured_level_dbfs=-20.0)
    assert given.measure([audio], Format(RATE, 2)) == given


def test_a_model_whose_stems_are_not_wanted_does_not_run() -> None:
    first, second = hybrid(1), hybrid(2)
    network = BagOfModels([first, second], [[1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]])  # the second for the rest
    second.forward = lambda mix: pytest.fail("it runs")
    assert np.isfinite(separate(network)).all()


class Sharp(torch.nn.Module):
    """Stands in for a network: takes a moving average off, the same whatever the level and the offset."""

    sources, samplerate, audio_channels, segment = ("sharp", "other"), 48000, 2, 0.5

    def __init__(self) -> None:
        super().__init__()
        kernel = -torch.ones(2, 1, 401) / 401
        kernel[:, :, 200] += 1
        self.kernel = torch.nn.Parameter(kernel)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sharp = torch.nn.functional.conv1d(x, self.kernel, padding=200, groups=2)
        return torch.stack([sharp, x - sharp], dim=1)


def test_segments_fade_into_each_other() -> None:
    audio = probe("voice")
    wanted = np.stack([row - np.convolve(row, np.ones(401) / 401, "same") for row in audio])

    def error(overlap: float) -> Any:
        sharp = SourceSeparation(model=Sharp(), overlap=overlap)(audio, 48000)["sharp"]
        return np.abs(sharp - wanted)[:, 200:-200].max()

    assert error(0.25) < 0.2 * error(0.0)  # where segments abut, each is wrong at its end


def test_a_hybrid_without_transformer_runs() -> None:
    network = HDemucs(STEMS, channels=4, nfft=256, depth=4, segment=2, dconv_mode=0, norm_starts=9, samplerate=8000)
    assert np.isfinite(separate(network)).all()


def test_the_module_learns_nothing_and_keeps_its_weights() -> None:
    network = tiny()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    separate(network)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(value.grad is None for value in network.parameters())


def test_no_network_is_one_sentence_and_nothing_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(name: str, signature: str) -> None:
        print("Downloading from afar")
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(demucs_network, "_reachable", lambda: False)
    monkeypatch.setattr(demucs_network, "_fetched", fail)
    stage = SourceSeparation()
    assert stage.stems == ("drums", "bass", "other", "vocals")
    with pytest.raises(WeightsError) as caught:
        stage(probe("voice"), 44100)
    sentence = str(caught.value)
    assert "\n" not in sentence
    for word in ("htdemucs", "Hugging Face", "dl.fbaipublicfiles.com", "path", "hpss", "center"):
        assert word in sentence
    assert capfd.readouterr() == ("", "")


def test_the_hub_is_left_offline_only_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def fetched(name: str, signature: str) -> Any:
        seen.append((name, signature, demucs_network.constants.HF_HUB_OFFLINE))
        return tiny()

    monkeypatch.setattr(demucs_network, "_reachable", lambda: False)
    monkeypatch.setattr(demucs_network, "_fetched", fetched)
    before = demucs_network.constants.HF_HUB_OFFLINE
    assert demucs_network.load("htdemucs") is demucs_network.load("htdemucs")
    assert seen == [("htdemucs", "955717e8", True)]
    assert before == demucs_network.constants.HF_HUB_OFFLINE


def test_demucs_s_own_models_come_from_the_hub_as_tensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(repository: str, file: str) -> str:
        assert (repository, file) == ("adefossez/HTDemucs", "955717e8.safetensors")
        return str(tmp_path / "tiny.safetensors")

    save_tensors(tiny(), tmp_path / "tiny.safetensors")
    monkeypatch.setattr(demucs_network, "_reachable", lambda: True)
    monkeypatch.setattr(demucs_network.huggingface_hub, "hf_hub_download", download)
    assert np.array_equal(separate("htdemucs"), separate(tiny()))


def test_where_the_hub_fails_their_first_home_is_asked_and_runs_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(repository: str, file: str) -> str:
        raise OSError("the hub is down")

    def fetch(url: str, **options: Any) -> Any:
        assert url.endswith("hybrid_transformer/955717e8-8726e21a.th")
        assert options.pop("check_hash")
        return torch.load(tmp_path / "home.th", options["map_location"], weights_only=options["weights_only"])

    monkeypatch.setattr(demucs_network, "_reachable", lambda: True)
    monkeypatch.setattr(demucs_network.huggingface_hub, "hf_hub_download", fail)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fetch)
    torch.save(package(tiny()), tmp_path / "home.th")
    assert np.array_equal(separate("htdemucs"), separate(tiny()))
    demucs_network._fetch.cache_clear()
    torch.save(package(tiny()) | {"state": Program(tmp_path / "ran")}, tmp_path / "home.th")
    with pytest.raises(WeightsError, match="htdemucs cannot be fetched"):
        demucs_network.load("htdemucs")
    assert not (tmp_path / "ran").exists()


def test_what_is_no_model_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "broken.th").write_bytes(b"no checkpoint")
    (tmp_path / "empty").mkdir()
    for wrong, words in {
        "htdemuc": "no demucs model called 'htdemuc'; did you mean 'htdemucs'",
        "hf://adefossez/HTDemucs": "no demucs model called 'hf://adefossez/HTDemucs'",
        "gone.th": "no such model: gone.th",
        tmp_path / "gone": "no such model",
        tmp_path / "broken.th": "cannot be opened as a model",
        tmp_path / "empty": "no .yaml, .safetensors or .th file in it",
        "a" * 5000: "no demucs model called 'aaaa",
        "a" * 5000 + ".th": "no such model: aaaa",
        7: "a name, a path or a torch module, got 7",
    }.items():
        with pytest.raises(WeightsError, match=words):
            SourceSeparation(model=wrong)(probe("voice"), 44100)
    with pytest.raises(WeightsError, match="cannot be opened as a model"):
        demucs_network.load(tmp_path / "broken.th", trust=True)


def test_a_damaged_checkpoint_is_found_out(tmp_path: Path) -> None:
    torch.save(package(tiny()), tmp_path / "aaaa-01234567.th")
    (tmp_path / "bag.yaml").write_text('{"models": ["aaaa"]}')
    with pytest.raises(WeightsError, match="Invalid checksum"):
        demucs_network.load(tmp_path, trust=True)
