"""What all stages owe whoever calls them: one sentence for a wrong block, finite figures, the right length."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aural import AudioError, Block, Format, Stage, WeightsError, create
from aural.dsp.resampling import frames_at
from aural.learning import weights
from aural.registry import names
from aural.signals import LOUDEST
from aural.stage import Effect
from aural.testing import measured, probe

SETTINGS: dict[str, tuple[dict[str, Any], ...]] = {
    "dynamic-compression": ({"detector": "rms", "sidechain_highpass_hz": 100.0, "lookahead_ms": 5.0},),
    "equaliser": ({"bands": ("peak:1000:12", "low-shelf:200:6")},),
    "frequency-expansion": ({}, {"cutoff_hz": 5000.0}, {"engine": "classical", "cutoff_hz": 5000.0}),
    "frequency-generation": ({"cutoff_hz": 5000.0, "holes": 1.0},),
    "noise-reduction": ({"hum_hz": 50.0, "hum_harmonics": (1,)}, {"engine": "mmse", "highpass_hz": 80.0},
                        {"engine": "unet", "hum_hz": 0.0}, {"engine": "gate", "hum_hz": 0.0}),
    "source-separation": ({"engine": "hpss"}, {"engine": "center"}),
}  # fmt: skip
CASES = [(name, given) for name in names() for given in SETTINGS.get(name, ({},))]
EACH = pytest.mark.parametrize(("name", "given"), CASES, ids=lambda case: case if isinstance(case, str) else "")
FLIPS = np.where(np.random.default_rng(0).random((2, 20000)) > 0.5, LOUDEST, -LOUDEST).astype(np.float32)
SHORT = probe("voice")[:, :20000]


def signals() -> dict[str, Block]:
    """Return what no stage may make NaN or infinity of."""
    loud = SHORT * np.float32(LOUDEST / np.abs(SHORT).max())
    impulse = np.zeros((2, 20000), np.float32)
    impulse[:, 10000] = LOUDEST
    denormal = np.full((2, 20000), 1e-42, np.float32)
    return {
        "noise at the loudest": FLIPS, "a voice at the loudest": loud, "an impulse": impulse, "denormal": denormal,
        "silence": np.zeros((2, 20000), np.float32), "all of it": np.concatenate([0 * loud, loud, denormal], axis=-1),
        "one frame": np.full((2, 1), 0.5, np.float32), "no frame": np.zeros((2, 0), np.float32),
    }  # fmt: skip


def called(stage: Stage, audio: Block, sample_rate: int = 48000) -> Block:
    result = stage(audio, sample_rate)  # type: ignore[operator]
    return np.stack(list(result.values())) if isinstance(result, dict) else result


@EACH
def test_what_is_finite_stays_finite(name: str, given: dict[str, Any]) -> None:
    for kind, audio in signals().items():
        out = called(create(name, **given), audio)
        assert np.isfinite(out).all(), kind
        assert out.shape[-1] == audio.shape[-1]


@EACH
def test_a_block_of_another_shape_never_reaches_a_loop(name: str, given: dict[str, Any]) -> None:
    stage = measured(create(name, **given), SHORT)
    stream = stage.open(Format(48000, 2))
    for wrong in (SHORT.T, SHORT[:1], SHORT[0], np.zeros((6, 500), np.float32), SHORT[None]):
        with pytest.raises(AudioError, match=re.escape("a block must have shape (channels, frames)")):
            stream.push(wrong)
        with pytest.raises(AudioError, match=re.escape("a block must have shape (channels, frames)")):
            list(create(name, **given).render([wrong], Format(48000, 2)).blocks)
    parts = [stream.push(SHORT[:, :9000]), stream.push(SHORT[:, 9000:]), stream.flush()]
    out = np.concatenate(parts, axis=-1)
    np.testing.assert_allclose(out, called(stage, SHORT), atol=1e-5)  # and the stream is as it was


@EACH
def test_the_length_is_what_the_rates_say(name: str, given: dict[str, Any]) -> None:
    for rate, frames in ((32000, 64007), (8000, 3), (11025, 4801), (44100, 5001)):
        stage = create(name, **given)
        ready = stage if stage.ready else stage.measure([SHORT], Format(rate, 2))
        output = ready.open(Format(rate, 2)).output.sample_rate
        audio = np.tile(SHORT, 4)[:, :frames]
        assert called(ready, audio, rate).shape[-1] == frames_at(frames, rate, output), (rate, frames)


@pytest.mark.parametrize("engine", ["compact", "unet"])
def test_weights_of_absurd_size_are_found_out(engine: str, tmp_path: Path) -> None:
    state, about = weights.load(weights.shipped(f"aural.stages.noise_reduction.engines.{engine}", engine))
    absurd = {name: 1e3 * value if value.is_floating_point() else value for name, value in state.items()}
    path = weights.save(absurd, tmp_path, engine, about)
    with pytest.raises(WeightsError, match="the network gives NaN or infinity"):
        called(create("noise-reduction", engine=engine, weights=str(path), hum_hz=0.0), SHORT)


@settings(deadline=None, max_examples=15)
@given(
    frames=st.integers(0, 30000),
    rate=st.sampled_from((8000, 11025, 16000, 22050, 32000)),
    mix=st.sampled_from((0.5, 1.0)),
)
@pytest.mark.parametrize("engine", ["classical", "envelope"])
def test_frequency_expansion_has_the_length_that_the_rates_say(
    engine: str, frames: int, rate: int, mix: float
) -> None:
    stage = create("frequency-expansion", engine=engine, cutoff_hz=3000.0, mix=mix)
    assert isinstance(stage, Effect)
    out = stage(np.tile(SHORT, 2)[:, :frames], rate)
    assert abs(out.shape[-1] - Fraction(frames * 48000, rate)) <= Fraction(1, 2)
