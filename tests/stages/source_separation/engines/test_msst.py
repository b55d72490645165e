"""Checkpoints of others: the stems they give, and what of them is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from programs import evil
from recordings import invoke, voice, write

from aural import AudioError, Format, WeightsError
from aural.stages.source_separation.engines.msst.network import Segmented, load, opened
from aural.stages.source_separation.stage import SourceSeparation

RATE = 8000


def test_without_the_package_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "msst"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "msst", None)
    (tmp_path / "a.yaml").write_text("audio: {}\nmodel: {num_bands: 4}\ntraining: {instruments: [a, b]}\n")
    recording = write(tmp_path / "a.wav", voice(0.3))
    options = ["--engine", "msst", "--checkpoint", tmp_path / "a.ckpt"]
    assert (
        "a.ckpt cannot be opened as a model: no such file" in invoke("source-separation", recording, "s", *options)[2]
    )
    (tmp_path / "a.ckpt").write_bytes(b"")
    code, out, err = invoke("source-separation", recording, tmp_path / "stems", *options)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "engine msst needs the package msst: pip install 'aural[msst]'" in err
    assert "needs a checkpoint" in invoke("source-separation", recording, tmp_path / "s", "--engine", "msst")[2]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("msst", reason='needs pip install "aural[msst]"')
    from tiny_msst import save_tiny

    return save_tiny(tmp_path_factory.mktemp("msst") / "tiny.ckpt")


def changed(tiny: Path, folder: Path, **parts: Any) -> Path:
    """Write a config beside a copy of the checkpoint, with other values; return the path of the copy."""
    from tiny_msst import CONFIG

    path = folder / "changed.ckpt"
    path.write_bytes(tiny.read_bytes())
    table = {name: {**CONFIG[name], **parts.get(name, {})} for name in CONFIG}
    path.with_suffix(".yaml").write_text(yaml.dump(table))
    return path


def test_a_segment_is_what_the_network_gives(tiny: Path) -> None:
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, (2, RATE)).astype(np.float32)
    stems = SourceSeparation(engine="msst", checkpoint=str(tiny))(audio, RATE)
    assert list(stems) == ["vocals", "other"]
    with torch.inference_mode():
        wanted = load(str(tiny), None).network(torch.from_numpy(audio)[None])[0].numpy()
    alone = slice(0, 6000)  # the next segment covers what is behind
    np.testing.assert_allclose(stems["vocals"][:, alone], wanted.reshape(2, RATE)[:, alone], atol=1e-5)
    np.testing.assert_allclose(stems["vocals"] + stems["other"], audio, atol=2.0**-23)


def test_long_recordings_are_a_stream_of_segments(tiny: Path) -> None:
    stage = SourceSeparation(engine="msst", checkpoint=str(tiny), overlap=0.5)
    audio = np.rint(np.random.default_rng(1).uniform(-(2**15), 2**15 - 1, (2, 5 * RATE))) / 2**15
    audio = audio.astype(np.float32)
    whole = stage(audio, RATE)
    assert np.array_equal(whole["vocals"] + whole["other"], audio)
    run = stage.render(iter(np.split(audio, [1, 9000, 9001, 30000], axis=-1)), Format(RATE, 2))
    np.testing.assert_allclose(np.concatenate(list(run.blocks), axis=-1), np.stack(list(whole.values())), atol=1e-5)
    karaoke = SourceSeparation(engine="msst", checkpoint=str(tiny), two_stems="vocals")
    assert karaoke.stems == ("vocals", "no_vocals")
    with pytest.raises(AudioError, match="the network takes 1 or 2 channels, not 6"):
        stage.open(Format(RATE, 6))


@pytest.mark.parametrize(
    ("training", "stems", "rest"),
    [
        ({"target_instrument": "other"}, ("other", "vocals"), 1),
        ({"instruments": ["a", "vocals", "c"]}, ("vocals", "rest"), 1),
        ({"instruments": ["other", "vocals"], "target_instrument": None}, ("other", "vocals"), 0),
    ],
)
def test_stems_are_those_of_the_config(
    tiny: Path, tmp_path: Path, training: dict[str, Any], stems: tuple[str, ...], rest: int
) -> None:
    network = load(str(changed(tiny, tmp_path, training=training)), None)
    assert (network.stems, network.rest) == (stems, rest)


def test_no_program_in_a_checkpoint_is_run(tiny: Path, tmp_path: Path) -> None:
    marker = tmp_path / "the program ran"
    path = evil(tmp_path / "evil.ckpt", marker)
    with pytest.raises(WeightsError, match="holds more than tensors, which could run any program"):
        load(str(path), str(tiny.with_suffix(".yaml")))
    config = tmp_path / "evil.yaml"
    config.write_text(f"audio: !!python/object/apply:subprocess.call [[touch, '{marker}']]")
    with pytest.raises(WeightsError, match="is not valid YAML, or holds more than plain values"):
        load(str(tiny), str(config))
    assert not marker.exists()


def test_a_network_that_fails_on_audio_is_a_fault_of_its_file() -> None:
    config = {"audio": {"chunk_size": 80}, "training": {"instruments": ["vocals", "other"]}}
    network = Segmented(torch.nn.Conv1d(3, 4, 1), config)
    with pytest.raises(WeightsError, match=r"the network of its config cannot run: .* channels"):
        network(torch.zeros(1, 2, 80))


def test_what_does_not_fit_is_said(tiny: Path, tmp_path: Path) -> None:
    for parts, words in (
        ({"model": {"dim": 16}}, "holds no weights of the network bsroformer"),
        ({"model": {"colour": 3}}, "no BSRoformer can be made of its config"),
        ({"model": {"dim": 10**9}}, "its argument dim is not a plain value"),
        ({"training": {"instruments": ["../a", "b"], "target_instrument": None}}, "its stems are called"),
    ):
        opened.cache_clear()
        with pytest.raises(WeightsError, match=r"changed\.ckpt cannot be opened as a model") as caught:
            load(str(changed(tiny, tmp_path, **parts)), None)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
    (tmp_path / "none.yaml").write_text("audio: {}\nmodel: {width: 3}\ntraining: {instruments: [a, b]}\n")
    with pytest.raises(WeightsError, match="is not that of a BS-RoFormer"):
        load(str(tiny), str(tmp_path / "none.yaml"))
    with pytest.raises(WeightsError, match="no such file"):
        load(str(tmp_path / "nowhere.ckpt"), None)
