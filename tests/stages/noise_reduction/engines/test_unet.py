"""The network of the unet, and how it runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from recordings import CORPUS, needs_corpus
from tones import noise, power_of, restless, tone

from aural.errors import WeightsError
from aural.learning import weights
from aural.learning.material import find, read
from aural.signals import Block, Format
from aural.stages.noise_reduction.engines.unet import stream as unet_stream
from aural.stages.noise_reduction.engines.unet.curves import BANDS, CURVES, PITCHES
from aural.stages.noise_reduction.engines.unet.engine import UnetEngine
from aural.stages.noise_reduction.engines.unet.network import GRID, REACH, Discriminator, Unet
from aural.stages.noise_reduction.engines.unet.stream import UnetStream, open_unet
from aural.stages.noise_reduction.stft import BINS, HOP, SAMPLE_RATE
from aural.stream import Stream, pump


@pytest.fixture(scope="module")
def fresh() -> Unet:
    torch.manual_seed(0)
    return Unet().eval()


@pytest.mark.parametrize("frames", [1, 2, 16, 37])
def test_any_length_will_do(fresh: Unet, frames: int) -> None:
    told = fresh(torch.rand(2, frames, BINS))
    for bands in (told.voice, told.noise, told.character_db, told.studio):
        assert bands.shape == (2, frames, BANDS)
    assert told.pitch.shape == (2, frames, PITCHES + 1)
    assert told.curves.shape == (2, CURVES, frames)


def test_it_is_small() -> None:
    assert sum(p.numel() for part in (Unet(), Discriminator()) for p in part.parameters()) < 1e6


def test_silence_is_finite_and_level_does_not_matter(fresh: Unet) -> None:
    silence = fresh(torch.zeros(1, 40, BINS))
    assert all(torch.isfinite(x).all() for x in (silence.voice, silence.character_db, silence.pitch))
    power = power_of(tone(150.0) + noise())
    loud, quiet = fresh(power), fresh(1e-6 * power)
    torch.testing.assert_close(loud.voice, quiet.voice, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(loud.character_db, quiet.character_db, rtol=1e-3, atol=1e-3)


def test_every_curve_conditions_both_stages(fresh: Unet, monkeypatch: pytest.MonkeyPatch) -> None:
    power = power_of(tone(150.0) + noise())
    told = fresh(power)
    for curve in range(CURVES):
        changed = told.curves.clone()
        changed[:, curve] += 0.5
        monkeypatch.setattr(fresh.conditioning, "forward", lambda *_, changed=changed: changed)
        other = fresh(power)
        assert (other.voice - told.voice).abs().max() > 1e-4
        assert (other.character_db - told.character_db).abs().max() > 1e-4


def run(stream: Stream, audio: Block) -> Block:
    return np.concatenate(list(pump(stream, np.array_split(audio, 7, axis=-1))), axis=-1)


def test_segments_meet_without_a_seam(fresh: Unet, monkeypatch: pytest.MonkeyPatch) -> None:
    audio = restless(20.0)
    whole = UnetStream(Format(SAMPLE_RATE, 1), fresh, 60.0, 1.0).process(audio)
    monkeypatch.setattr(unet_stream, "SEGMENT", 32 * GRID * HOP)
    assert unet_stream.SEGMENT > REACH * HOP  # so that the last of three begins with less than all there is
    assert audio.shape[-1] > 2 * unet_stream.SEGMENT
    parts = run(UnetStream(Format(SAMPLE_RATE, 1), fresh, 60.0, 1.0), audio)
    assert parts.shape == audio.shape
    np.testing.assert_allclose(parts, whole, atol=1e-6)
    assert np.abs(whole - audio).max() > 1e-3


def test_gains_are_one_for_all_channels_and_bounded(fresh: Unet) -> None:
    audio = restless(1.0, channels=2)
    audio[1] *= -0.5
    left, right = run(UnetStream(Format(SAMPLE_RATE, 2), fresh, 60.0, 0.0), audio)
    both = np.stack([audio[0], audio[0]])
    alike = run(UnetStream(Format(SAMPLE_RATE, 2), fresh, 60.0, 0.0), both)
    np.testing.assert_array_equal(alike[0], alike[1])
    assert not np.allclose(left, right)
    barely = run(UnetStream(Format(SAMPLE_RATE, 2), fresh, 0.01, 1.0), audio)
    np.testing.assert_allclose(barely, audio, atol=2e-3)


@pytest.mark.parametrize("frames", [0, 1, 700, 30011])
def test_any_rate_and_length_through_the_stream(fresh: Unet, tmp_path: Path, frames: int) -> None:
    path = weights.save(fresh.state_dict(), tmp_path, "unet", {})
    audio = restless(1.0)[:, :frames]
    stream = open_unet(Format(44100, 1), path, 20.0, 0.5)
    out = np.concatenate([stream.push(audio), stream.flush()], axis=-1)
    assert out.shape == audio.shape
    assert np.isfinite(out).all()


@needs_corpus
def test_stage_one_keeps_the_level_of_a_voice() -> None:
    clip = next(c for c in find(CORPUS / "speech", "speech", "test") if c.snr_db >= 35 and c.seconds > 3)
    voice = read(clip, SAMPLE_RATE)[np.newaxis]
    out = run(open_unet(Format(SAMPLE_RATE, 1), UnetEngine.shipped(), 60.0, 0.0), voice)
    assert abs(20 * np.log10(out.std() / voice.std())) < 0.2


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = weights.save({"weight": torch.zeros(3)}, tmp_path, "other", {})
    with pytest.raises(WeightsError, match="holds no weights of the network unet"):
        unet_stream.opened(path)
