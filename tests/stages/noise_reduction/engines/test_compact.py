"""The compact network: its size, its look-ahead, its memory, and the stream around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recordings import voice
from scipy.signal import firwin, oaconvolve
from tones import restless

from aural import devices
from aural.errors import ParameterError, WeightsError
from aural.learning import weights
from aural.learning.run import start
from aural.signals import Block, Format
from aural.stages.noise_reduction.engines.compact import stream as compact_stream
from aural.stages.noise_reduction.engines.compact.engine import CompactEngine
from aural.stages.noise_reduction.engines.compact.network import BANDS, GROUPS, LOOK_AHEAD, Compact, SpectrumMemory
from aural.stages.noise_reduction.engines.compact.sharing import Sharing
from aural.stages.noise_reduction.stage import NoiseReduction
from aural.stages.noise_reduction.stft import BINS, HOP
from aural.testing import SAMPLE_RATE


@pytest.fixture(scope="module")
def network() -> Compact:
    torch.manual_seed(0)
    return compact_stream.network(CompactEngine.shipped())


@pytest.fixture(scope="module")
def taught() -> Compact:
    """A network with two paths that have learnt something."""
    torch.manual_seed(1)
    network = Compact(paths=2)
    network.load_state_dict(weights.load(CompactEngine.shipped())[0], strict=False)
    for path in network.paths:
        torch.nn.init.normal_(path.get_parameter("point.weight"), std=0.05)
    return network.eval()


def spectra(frames: int, batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, frames, BINS, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def run(network: Compact, spectra: torch.Tensor) -> torch.Tensor:
    return network(spectra, network.begin(len(spectra)), torch.zeros(len(spectra), 1))[0].denoised()


def test_it_is_small_and_its_bands_cover_the_spectrum(network: Compact) -> None:
    assert sum(p.numel() for p in network.parameters()) < 2_000_000
    assert sum(count * width for count, width in GROUPS) == BINS - 1
    assert sum(count for count, _ in GROUPS) == BANDS
    assert CompactEngine.shipped().stat().st_size < 10e6


@torch.no_grad()
@pytest.mark.parametrize("kind", ["network", "taught"])
def test_memory_carries_over(kind: str, request: pytest.FixtureRequest) -> None:
    network: Compact = request.getfixturevalue(kind)
    x = spectra(90, batch=2)
    whole = run(network, x)
    memory, pieces = network.begin(2), []
    for piece in x.split([1, 40, 7, 42], dim=1):
        predicted, memory = network(piece, memory, torch.zeros(2, 1))
        pieces.append(predicted.denoised())
    assert torch.allclose(torch.cat(pieces, 1), whole, atol=1e-4)


def test_it_remembers_for_longer_than_it_looks_back_and_less_and_less(network: Compact) -> None:
    """The convolutions look back 2 s, the level 6 s."""
    seconds = SAMPLE_RATE // HOP
    x = spectra(30 * seconds)
    other = x.clone()
    other[:, : 3 * seconds] *= torch.linspace(0.1, 3, BINS)
    before = run(network, x)
    change = (run(network, other) - before).abs().mean(dim=(0, 2)) / before.abs().mean(dim=(0, 2))
    course = [float(change[s * seconds : (s + 1) * seconds].mean()) for s in (6, 9, 12, 18, 24, 29)]
    assert course[2] > 1e-5
    assert course == sorted(course, reverse=True)
    assert course[-1] < 0.075


@torch.no_grad()
def test_a_gate_that_stays_shut_forgets_all_the_same() -> None:
    layer, x = SpectrumMemory(2), torch.zeros(1, 2, 3000, BANDS)  # 32 s
    torch.nn.init.constant_(layer.hear.bias, -100)
    pasts = layer.begin(1), layer.begin(1) + 1
    memories = [layer(x, past)[1] for past in pasts]
    assert float((memories[1] - memories[0]).abs().max()) < 0.05
    assert float((pasts[1] - pasts[0]).abs().min()) == 1


@pytest.mark.parametrize("kind", ["network", "taught"])
def test_it_looks_no_further_ahead_than_it_says(kind: str, request: pytest.FixtureRequest) -> None:
    network: Compact = request.getfixturevalue(kind)
    x = spectra(120)
    changed = x.clone()
    changed[:, 100:] *= 3
    before, after = run(network, x), run(network, changed)
    assert torch.equal(before[:, :100], after[:, :100])
    assert not torch.allclose(before[:, 100 : 100 + LOOK_AHEAD], after[:, 100 : 100 + LOOK_AHEAD])
    assert LOOK_AHEAD * HOP / SAMPLE_RATE < 0.5


def test_new_paths_change_nothing_and_taught_ones_do(tmp_path: Path) -> None:
    torch.manual_seed(0)
    short, longer, x = Compact().eval(), Compact(paths=3).eval(), spectra(80)
    assert [type(layer).__name__ for layer in longer.layers].count("Path") == 3
    start(longer, str(weights.save(short.state_dict(), tmp_path, "compact", {})))
    assert torch.allclose(run(longer, x), run(short, x), atol=1e-4)
    torch.nn.init.normal_(longer.paths[1].get_parameter("point.weight"), std=0.05)
    assert not torch.allclose(run(longer, x), run(short, x), atol=1e-2)


@pytest.mark.parametrize("told", [2, 3, 10**9, "2", None])
def test_weights_say_how_many_paths_there_are(taught: Compact, tmp_path: Path, told: Any) -> None:
    path = weights.save(taught.state_dict(), tmp_path, "compact", {"settings": {"paths": told}})
    if told == 2:
        x = spectra(60)
        assert torch.allclose(run(compact_stream.network(path), x), run(taught, x), atol=1e-4)
    else:
        with pytest.raises(WeightsError, match="no weights of the network compact"):
            compact_stream.network(path)


def test_what_lies_above_22_khz_changes_nothing_below() -> None:
    """Some sample rates end there: the same noise must not become another one."""
    noise = np.random.default_rng(0).standard_normal((1, 4 * SAMPLE_RATE))
    audio = voice(4) + 0.25 * voice(4).std() * noise
    without = oaconvolve(audio, firwin(1001, 21900, fs=SAMPLE_RATE)[None], mode="same", axes=-1)
    below = firwin(1001, 20000, fs=SAMPLE_RATE)[None]
    whole, less = (
        oaconvolve(NoiseReduction()(x.astype(np.float32), SAMPLE_RATE), below, mode="same", axes=-1)
        for x in (audio, without)
    )
    assert 20 * np.log10((whole - less).std() / whole.std()) < -40


def test_stream_lags_by_a_chunk_and_the_look_ahead() -> None:
    stream = NoiseReduction(hum_hz=0.0).open(Format(SAMPLE_RATE, 1))
    audio, given = voice(4), 0
    longest = (compact_stream.CHUNK + LOOK_AHEAD + 2) * HOP
    for first in range(0, audio.shape[1], 480):
        given += stream.push(audio[:, first : first + 480]).shape[1]
        assert first + 480 - given <= longest
    assert given + stream.flush().shape[1] == audio.shape[1]


@pytest.mark.parametrize("level_db", [-50.0, -20.0, 0.0])
def test_quiet_speech_is_treated_like_loud_speech(level_db: float) -> None:
    audio = voice(3, channels=2)
    audio = audio / np.abs(audio).max()
    stage, gain = NoiseReduction(hum_hz=0.0), np.float32(10 ** (level_db / 20))
    loud, quiet = stage(audio, SAMPLE_RATE), stage(audio * gain, SAMPLE_RATE) / gain
    assert np.abs(loud - quiet).max() < 1e-4 * np.abs(loud).max()


def test_one_filter_for_all_channels_keeps_the_image() -> None:
    audio = np.concatenate([voice(2), 0.25 * voice(2), 0 * voice(2)])
    left, right, silent = NoiseReduction(hum_hz=0.0)(audio, SAMPLE_RATE)
    assert np.allclose(right, 0.25 * left, atol=1e-6)
    assert not silent.any()
    alone = NoiseReduction(hum_hz=0.0)(audio[:1], SAMPLE_RATE)
    assert np.abs(left - alone[0]).max() < 0.05 * np.abs(alone).max()


def test_two_people_with_a_microphone_each_are_cleaned_apart() -> None:
    rng = np.random.default_rng(1)
    hiss = 0.1 * np.std(voice(4)) * rng.standard_normal((2, 4 * SAMPLE_RATE)).astype(np.float32)
    noisy = np.concatenate([voice(4), 0 * voice(4)]) + hiss
    stage = NoiseReduction(hum_hz=0.0, max_attenuation_db=30.0)
    both = stage(noisy, SAMPLE_RATE)
    for channel, together in zip(noisy, both, strict=True):
        alone = stage(channel, SAMPLE_RATE)
        assert 10 * np.log10(np.sum(alone**2) / np.sum((together - alone) ** 2)) > 15
    assert np.std(both[1]) < 0.1 * np.std(noisy[1])


def test_channels_share_gains_where_they_hold_the_same_sound() -> None:
    rng = np.random.default_rng(2)
    own = torch.from_numpy(rng.standard_normal((3, 200, BINS, 2)).astype(np.float32))
    left, right, apart = torch.view_as_complex(own)
    shares = Sharing(3, BINS)(torch.stack([left, 0.5 * left + 0.1 * right, apart]))[:, :, 100:]
    assert torch.allclose(shares.sum(dim=1), torch.ones(()))
    assert torch.allclose(shares[0], shares[1], atol=1e-3)
    assert shares[0, 0].mean() > shares[0, 1].mean() > 0.1
    assert shares[2, 2].mean() > 0.95


def test_attenuation_has_the_limit_that_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    noise = (0.05 * rng.standard_normal((1, 4 * SAMPLE_RATE))).astype(np.float32)
    levels = []
    for limit_db in (6.0, 12.0, 24.0):
        out = NoiseReduction(hum_hz=0.0, max_attenuation_db=limit_db)(noise, SAMPLE_RATE)[:, SAMPLE_RATE:]
        levels.append(20 * np.log10(np.std(noise) / np.std(out)))
        assert levels[-1] < limit_db + 0.5
    assert levels == sorted(levels)
    assert levels[0] > 3


def test_the_room_goes_whatever_is_left_of_the_noise() -> None:
    audio = voice(3)
    kept = NoiseReduction(hum_hz=0.0, max_attenuation_db=0.0)(audio, SAMPLE_RATE)
    dried = NoiseReduction(hum_hz=0.0, max_attenuation_db=0.0, dereverb=1.0)(audio, SAMPLE_RATE)
    assert np.array_equal(kept, audio)
    assert np.std(audio - dried) > 0.02 * np.std(audio)


def test_wrong_weights_are_told(tmp_path: Path) -> None:
    other = weights.save({"x": torch.zeros(2)}, tmp_path, "other", {})
    with pytest.raises(WeightsError, match="no weights of the network compact"):
        NoiseReduction(hum_hz=0.0, weights=str(other))(voice(1), SAMPLE_RATE)
    with pytest.raises(WeightsError, match="no such file"):
        NoiseReduction(hum_hz=0.0, weights="none.safetensors")(voice(1), SAMPLE_RATE)
    with pytest.raises(ParameterError, match="noise_profile is for engine mmse or gate, not for engine compact"):
        NoiseReduction(noise_profile="0-1")


def test_music_is_kept_in_its_passages_and_only_there() -> None:
    tones = restless(6.0)
    voices, music = (
        NoiseReduction(keep=keep, max_attenuation_db=4.0)(tones, SAMPLE_RATE) for keep in ("voice", "music")
    )
    mixed = NoiseReduction(music_s=(0.0, 3.0), max_attenuation_db=4.0)(tones, SAMPLE_RATE)
    first, last = slice(0, 2 * SAMPLE_RATE), slice(4 * SAMPLE_RATE, None)

    def apart(a: Block, b: Block, part: slice) -> float:
        return float(np.std((a - b)[:, part]))

    assert apart(mixed, music, first) < 0.01 * apart(mixed, voices, first)
    assert apart(mixed, voices, last) < apart(mixed, music, last)
    loudly = NoiseReduction(music_s=(0.0, 3.0))(tones, SAMPLE_RATE)
    assert np.std(loudly[:, first]) > 10 ** (-4 / 20) * np.std(tones[:, first]), "music is lowered by 4 dB at most"


def test_behind_music_that_is_kept_noise_is_lowered_as_ever() -> None:
    rng = np.random.default_rng(3)
    clean = 0.05 * voice(4) / np.std(voice(4))
    noisy = (clean + 0.01 * rng.standard_normal(clean.shape)).astype(np.float32)
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    chord = sum(np.sin(2 * np.pi * hz * time) for hz in (262, 330, 392, 523, 1047)) * np.exp(-(time % 1) / 0.7)
    song = np.concatenate([0.05 * chord[None] / np.std(chord), noisy], axis=1).astype(np.float32)
    alone = NoiseReduction()(noisy, SAMPLE_RATE)[:, SAMPLE_RATE:]
    behind = NoiseReduction(music_s=(0.0, 3.0))(song, SAMPLE_RATE)[:, 4 * SAMPLE_RATE :]
    ratios_db = [20 * np.log10(np.std(clean[:, SAMPLE_RATE:] - x)) for x in (alone, behind)]
    assert ratios_db[1] == pytest.approx(ratios_db[0], abs=1.0)


@pytest.mark.parametrize("music_s", [(1.0,), (2.0, 1.0), (0.0, 2.0, 1.0, 3.0)])
def test_passages_of_music_in_disorder(music_s: tuple[float, ...]) -> None:
    with pytest.raises(ParameterError, match="music_s must be beginnings and ends in order of time"):
        NoiseReduction(music_s=music_s)


def test_channels_in_threads_of_their_own_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    stereo, results = restless(3.0, channels=2), []
    for threads in (1, 2):
        monkeypatch.setattr(devices, "threads", lambda network, threads=threads: threads)
        results.append(NoiseReduction(hum_hz=0.0)(stereo, SAMPLE_RATE))
    assert results[0] == pytest.approx(results[1], abs=1e-6)


def test_the_first_second_is_cleaned_as_if_it_had_been_heard_before() -> None:
    second, clean = 64 * HOP, NoiseReduction(hum_hz=0.0)
    hiss = 0.02 * np.random.default_rng(0).standard_normal(2 * second).astype(np.float32)
    noisy = voice(3.0)[0, : 2 * second] + hiss
    first = clean(noisy, SAMPLE_RATE)[:second]
    again = clean(np.concatenate([noisy[:second], noisy]), SAMPLE_RATE)[second : 2 * second]
    assert 10 * np.log10(np.sum(again**2) / np.sum((first - again) ** 2)) > 28
