"""The noise behind a voice, second by second."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from recordings import CORPUS, needs_corpus

from aural import Format
from aural.degrade.take import active_db
from aural.dsp.decibels import db_to_gain
from aural.learning.material import find
from aural.learning.material import read as read_clip
from aural.measure.noise.meter import NoiseEstimate, NoiseMeter
from aural.measure.noise.scenes import below
from aural.testing import partition

RATE = 16000


def noise_of(audio: NDArray[np.float32], sample_rate: int = RATE) -> NoiseEstimate:
    meter = NoiseMeter(Format(sample_rate, len(audio)))
    for block in partition(audio, 7001):
        meter.update(block)
    return meter.compute()


def test_the_truth_is_the_level_of_each_second() -> None:
    rng = np.random.default_rng(0)
    voice = 0.1 * rng.standard_normal(4 * RATE).astype(np.float32)
    noise = np.float32(0.1) * voice
    noise[:RATE] = 0
    np.testing.assert_allclose(below(noise, voice), (-4.5, -2, -2, -2), atol=0.02)
    np.testing.assert_allclose(below(100 * noise, voice)[1:], 1, atol=0.02)


@needs_corpus
@pytest.mark.parametrize("seed", range(3))
def test_a_bang_beside_a_clean_voice(seed: int) -> None:
    """A voice of the test part: nothing is heard in it, and a bang is heard where it is, at any level."""
    clips = [c for c in find(CORPUS / "speech", "speech", "test") if c.snr_db >= 40 and c.seconds >= 8]
    voice = read_clip(clips[40 * seed], RATE)[: 8 * RATE]
    assert noise_of(voice[None]).loud_s == ()
    rng = np.random.default_rng(seed)
    bang = rng.standard_normal(RATE // 2) * np.exp(-np.arange(RATE // 2) / (0.1 * RATE))
    noisy = voice.copy()
    noisy[5 * RATE : 5 * RATE + bang.size] += (db_to_gain(active_db(voice, RATE)) * bang).astype(np.float32)
    found = noise_of(noisy[None])
    assert set(found.loud_s) <= {4, 5, 6}
    assert 5 in found.loud_s
    assert found.loud_s == noise_of(0.001 * noisy[None]).loud_s


def test_nothing_is_heard_in_nothing() -> None:
    assert NoiseMeter(Format(RATE, 1)).compute().loud_s == ()
    assert noise_of(np.zeros((1, 3 * RATE), np.float32)).loud_s == ()
