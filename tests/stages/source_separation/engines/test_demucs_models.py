"""Finding demucs networks: names, paths, bags, downloads. Nothing here asks another machine."""

from __future__ import annotations

import io
import json
import socket
import urllib.error
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import torch
from demucs import states
from demucs.apply import BagOfModels
from huggingface_hub import constants
from programs import Program
from recordings import invoke
from tiny_demucs import package, save_tensors, separate, tiny

from aural import WeightsError
from aural.stages.source_separation.engines.demucs import network as demucs_network
from aural.stages.source_separation.stage import SourceSeparation
from aural.testing import probe


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    yield
    demucs_network.opened.cache_clear()
    demucs_network.fetch.cache_clear()


def test_a_path_gives_what_the_module_gives(tmp_path: Path) -> None:
    wanted = separate(tiny())
    torch.save(package(tiny()), tmp_path / "one.th")
    save_tensors(tiny(), tmp_path / "two.safetensors")
    for path in (tmp_path / "two.safetensors", str(tmp_path / "two.safetensors")):
        stage = SourceSeparation(engine="demucs", model=path, two_stems="vocals")
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


def test_no_network_is_one_sentence_and_nothing_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(name: str, signature: str) -> None:
        print("Downloading from afar")
        raise urllib.error.URLError(socket.gaierror(-2, "Name or service not known"))

    monkeypatch.setattr(demucs_network, "reachable", lambda: False)
    monkeypatch.setattr(demucs_network, "fetched", fail)
    stage = SourceSeparation(engine="demucs")
    assert stage.stems == ("drums", "bass", "other", "vocals")
    with pytest.raises(WeightsError) as caught:
        stage(probe("voice"), 44100)
    sentence = str(caught.value)
    assert "\n" not in sentence
    for word in ("htdemucs", "huggingface.co", "dl.fbaipublicfiles.com", "path", "hpss", "center"):
        assert word in sentence
    assert capfd.readouterr() == ("", "")


def test_the_hub_is_left_offline_only_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def fetched(name: str, signature: str) -> Any:
        seen.append((name, signature, constants.HF_HUB_OFFLINE))
        return tiny()

    monkeypatch.setattr(demucs_network, "reachable", lambda: False)
    monkeypatch.setattr(demucs_network, "fetched", fetched)
    before = constants.HF_HUB_OFFLINE
    assert demucs_network.load("htdemucs") is demucs_network.load("htdemucs")
    assert seen == [("htdemucs", "955717e8", True)]
    assert before == constants.HF_HUB_OFFLINE


def test_demucs_s_own_models_come_from_the_hub_as_tensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(repository: str, file: str) -> str:
        assert (repository, file) == ("adefossez/HTDemucs", "955717e8.safetensors")
        return str(tmp_path / "tiny.safetensors")

    save_tensors(tiny(), tmp_path / "tiny.safetensors")
    monkeypatch.setattr(demucs_network, "reachable", lambda: True)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
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

    monkeypatch.setattr(demucs_network, "reachable", lambda: True)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fetch)
    torch.save(package(tiny()), tmp_path / "home.th")
    assert np.array_equal(separate("htdemucs"), separate(tiny()))
    demucs_network.fetch.cache_clear()
    torch.save(package(tiny()) | {"state": Program(tmp_path / "ran")}, tmp_path / "home.th")
    with pytest.raises(WeightsError, match="htdemucs cannot be downloaded"):
        demucs_network.load("htdemucs")
    assert not (tmp_path / "ran").exists()


def saved(package: Any) -> bytes:
    """Return a checkpoint as demucs publishes it."""
    file = io.BytesIO()
    torch.save(package, file)
    return file.getvalue()


def test_a_checkpoint_is_downloaded_whole_and_genuine_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(whole)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()

    def fail(*_: Any) -> str:
        raise OSError("the hub is down")

    def address(signature: str) -> str:
        return f"http://127.0.0.1:{server.server_port}/{signature}-{sha256(whole).hexdigest()[:8]}.th"

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(demucs_network, "reachable", lambda: True)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    monkeypatch.setattr(demucs_network, "first_home", address)
    whole = sent = saved(package(tiny()) | {"training_args": Program(tmp_path / "ran")})
    refused = "htdemucs cannot be downloaded: its checkpoint "
    with pytest.raises(WeightsError, match=f"{refused}holds more than tensors"):
        demucs_network.load("htdemucs")
    assert not (tmp_path / "ran").exists()
    whole = saved(package(tiny()))
    for damaged in (whole[: len(whole) // 2], whole[:-4] + b"else"):
        sent = damaged
        with pytest.raises(WeightsError, match=f"{refused}is damaged or was cut off"):
            demucs_network.load("htdemucs")
    sent = whole
    assert invoke("models", "--download", "htdemucs")[:2] == (0, "htdemucs: is here\n")
    server.shutdown()
    server.server_close()
    demucs_network.fetch.cache_clear()
    assert np.array_equal(separate("htdemucs"), separate(tiny()))  # without the server


def test_a_download_without_a_connection_ends_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise urllib.error.URLError(socket.gaierror(-2, "Name or service not known"))

    monkeypatch.setattr(demucs_network, "reachable", lambda: False)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fail)
    said = "the model mdx cannot be downloaded: no connection to huggingface.co or dl.fbaipublicfiles.com"
    assert invoke("models", "--download", "mdx") == (2, "", f"aural: source-separation: {said}\n")


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
            SourceSeparation(engine="demucs", model=wrong)(probe("voice"), 44100)
    with pytest.raises(WeightsError, match="cannot be opened as a model"):
        demucs_network.load(tmp_path / "broken.th", trust=True)


def test_a_damaged_checkpoint_is_found_out(tmp_path: Path) -> None:
    torch.save(package(tiny()), tmp_path / "aaaa-01234567.th")
    (tmp_path / "bag.yaml").write_text('{"models": ["aaaa"]}')
    with pytest.raises(WeightsError, match="Invalid checksum"):
        demucs_network.load(tmp_path, trust=True)
