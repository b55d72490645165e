"""What the unet sees of a sound."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tones import noise, power_of, tone
from torch import Tensor

from aural.stages.noise_reduction.engines.unet.curves import (
    BANDS,
    CURVES,
    HIGHEST_HZ,
    LOWEST_HZ,
    PITCHES,
    Curves,
    MelBands,
    running_level,
)
from aural.stages.noise_reduction.stft import BINS, HOP, SAMPLE_RATE

PITCH, _, ONSET, RATE, STRENGTH, LOUDNESS, SHARPNESS = range(CURVES)


def curves_of(audio: Tensor) -> Tensor:
    """Return the curves of one clip, shape (7, frames)."""
    power = power_of(audio)
    return Curves()(power, MelBands()(power) / running_level(power)[..., None])[0]


def test_each_bin_belongs_to_the_bands_once() -> None:
    bands = MelBands()
    torch.testing.assert_close(bands.to_bins(torch.ones(1, 1, BANDS)), torch.ones(1, 1, BINS))
    assert bands(torch.ones(1, 1, BINS)).sum() == pytest.approx(BINS)
    assert bool((bands.share.sum(1) > 1).all())


@pytest.mark.parametrize("hz", [85, 100, 140, 200, 300, 400])
def test_the_pitch_of_a_tone_is_found(hz: float) -> None:
    curves = Curves()
    found = curves.salience(power_of(tone(hz)))[0, 5:-5].argmax(-1)
    assert LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** (found / (PITCHES - 1)) == pytest.approx(np.full(53, hz), rel=0.03)


def test_noise_and_silence_have_no_pitch() -> None:
    curves = Curves()
    assert not curves.pitch_class(power_of(noise())).any()
    assert not curves.pitch_class(power_of(torch.zeros(1, SAMPLE_RATE))).any()
    assert curves.pitch_class(power_of(tone(200.0)))[0, 5:-5].all()


def test_brighter_is_sharper_and_not_louder_by_level() -> None:
    bright = torch.diff(noise(), prepend=torch.zeros(1, 1))
    assert curves_of(bright)[SHARPNESS].mean() > curves_of(noise())[SHARPNESS].mean() + 0.1
    torch.testing.assert_close(curves_of(100 * noise()), curves_of(noise()), rtol=1e-3, atol=1e-3)


def test_loudness_and_onsets_follow_the_sound() -> None:
    gate = torch.zeros(1, 2 * SAMPLE_RATE)
    gate[:, SAMPLE_RATE:] = 1
    curves = curves_of(noise(2.0) * (gate + 0.01))
    edge = SAMPLE_RATE // HOP
    assert curves[LOUDNESS, edge + 5 :].mean() > curves[LOUDNESS, : edge - 5].mean() + 0.5
    assert int(curves[ONSET].argmax()) in range(edge - 2, edge + 3)


def test_faster_syllables_give_a_higher_rate() -> None:
    time = torch.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    slow, fast = (curves_of(noise(4.0) * (torch.sin(2 * torch.pi * hz * time) > 0)) for hz in (2.6, 6.25))
    still = curves_of(noise(4.0))
    assert fast[RATE].mean() > slow[RATE].mean() + 0.5
    assert min(slow[STRENGTH].mean(), fast[STRENGTH].mean()) > still[STRENGTH].mean() + 0.3
