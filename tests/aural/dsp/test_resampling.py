from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aural.dsp.resampling import AtRate
from aural.signals import Block, Format
from aural.stream import Stream, Through


class Gain(Through):
    """A network that changes a signal of known rate."""

    def push(self, block: Block) -> Block:
        return -block


def through(audio: Block, rate: int, network_rate: int, kind: type[Stream] = Through, block: int = 10_000) -> Block:
    stream = AtRate(Format(rate, len(audio)), network_rate, kind)
    done = [stream.push(audio[:, first : first + block]) for first in range(0, audio.shape[-1], block)]
    return np.concatenate([*done, stream.flush()], axis=-1)


def noise(seconds: float, rate: int, channels: int = 1) -> Block:
    return np.random.default_rng(0).standard_normal((channels, round(seconds * rate))).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 32000])
@pytest.mark.parametrize("network_rate", [44100, 48000])
def test_nothing_is_lost_up_to_half_the_sample_rate(rate: int, network_rate: int) -> None:
    audio = noise(2, rate)
    inside = np.s_[:, rate // 20 : -rate // 20]
    error = through(audio, rate, network_rate)[inside] - audio[inside]
    assert 20 * np.log10(error.std() / audio.std()) < -80


def test_next_to_nothing_is_lost_where_the_network_ends_just_above() -> None:
    audio = noise(2, 44100)
    error = through(audio, 44100, 48000)[:, 2000:-2000] - audio[:, 2000:-2000]
    assert 20 * np.log10(error.std() / audio.std()) < -55


def test_what_a_network_changes_is_changed_up_to_half_the_sample_rate() -> None:
    audio = noise(1, 16000)
    assert np.abs(through(audio, 16000, 48000, Gain) + audio)[:, 800:-800].max() < 1e-3


@settings(max_examples=25, deadline=None)
@given(
    frames=st.integers(0, 3000), rate=st.sampled_from([8000, 16000, 22051, 31999, 44100]), block=st.integers(1, 999)
)
def test_length_and_blocks(frames: int, rate: int, block: int) -> None:
    audio = noise(frames / rate, rate, 2)
    whole = through(audio, rate, 48000)
    assert whole.shape == audio.shape
    assert np.abs(whole - through(audio, rate, 48000, block=block)).max(initial=0) < 1e-5
