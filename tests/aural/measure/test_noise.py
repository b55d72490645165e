"""The noise behind a voice, second by second."""

from __future__ import annotations

import numpy as np
from meters import in_blocks
from numpy.typing import NDArray
from recordings import CORPUS, needs_corpus

from aural import Format
from aural.degrade import Noise, Take
from aural.learning.material import find
from aural.learning.material import read as read_clip
from aural.measure.noise.meter import NoiseEstimate, NoiseMeter
from aural.measure.noise.scenes import below

RATE = 16000


def noise_of(audio: NDArray[np.float32]) -> NoiseEstimate:
    found: NoiseEstimate = in_blocks(NoiseMeter, audio, RATE)
    return found


def test_the_truth_is_the_level_of_each_second() -> None:
    rng = np.random.default_rng(0)
    voice = 0.1 * rng.standard_normal(4 * RATE).astype(np.float32)
    noise = np.float32(0.1) * voice
    noise[:RATE] = 0
    np.testing.assert_allclose(below(noise, voice), (-4.5, -2, -2, -2), atol=0.02)
    np.testing.assert_allclose(below(100 * noise, voice)[1:], 1, atol=0.02)


@needs_corpus
def test_noises_beside_clean_voices() -> None:
    """Voices and noises of the test part: nothing is heard in the voices, and most noises are, at any level."""
    clips = {c.group: c for c in find(CORPUS / "speech", "speech", "test") if c.snr_db >= 35 and c.seconds >= 8}
    noises = {c.category: c for c in find(CORPUS / "noise", "noise", "test") if c.seconds >= 2}
    found = []
    for number, (clip, noise) in enumerate(zip(clips.values(), noises.values(), strict=False)):
        voice = read_clip(clip, RATE)[: 8 * RATE]
        assert noise_of(voice[None]).loud_s == ()
        with_noise = Noise(read_clip(noise, RATE), snr_db=5.0)(
            Take.of(voice, RATE), np.random.default_rng(number)
        ).noisy
        heard = noise_of(with_noise[None]).loud_s
        assert heard == noise_of(0.1 * with_noise[None]).loud_s
        found.append(bool(heard))
    assert len(found) > 3
    assert np.mean(found) > 0.7


def test_nothing_is_heard_in_nothing() -> None:
    assert NoiseMeter(Format(RATE, 1)).compute().loud_s == ()
    assert noise_of(np.zeros((1, 3 * RATE), np.float32)).loud_s == ()
