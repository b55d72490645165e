"""Music behind a voice is lowered by what is asked for, where it is asked for, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aural import Format, ParameterError
from aural.advice import Wishes
from aural.cleaning.planning import plan
from aural.measure.diagnosis import Diagnosis
from aural.measure.examination import Examination
from aural.measure.noise.meter import NoiseEstimate
from aural.stages.source_separation.music import MusicReduction
from aural.stages.source_separation.stage import SourceSeparation
from aural.testing import RULES, memory_is_bounded, probe

RATE = 48000


def test_contract() -> None:
    for rule in RULES:
        if rule is not memory_is_bounded:  # as it is of the engine, whose stream this one holds
            rule(MusicReduction())


def test_the_rest_is_lowered_by_so_much() -> None:
    audio = probe("voice")
    stems = SourceSeparation()(audio, RATE)
    lowered = MusicReduction(attenuation_db=20.0)(audio, RATE)
    np.testing.assert_allclose(lowered, stems["voice"] + 0.1 * stems["rest"], atol=1e-6)


def test_outside_of_passages_nothing_changes() -> None:
    audio = probe("voice", 4.0)
    part = MusicReduction(music_s=(1.5, 2.5))(audio, RATE)
    assert np.array_equal(part[:, : RATE - 1], audio[:, : RATE - 1])
    assert np.array_equal(part[:, 3 * RATE + 1 :], audio[:, 3 * RATE + 1 :])
    everywhere = MusicReduction()(audio, RATE)
    np.testing.assert_allclose(part[:, 2 * RATE], everywhere[:, 2 * RATE], atol=1e-6)


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ParameterError, match="music_s must be beginnings and ends in order of time"):
        MusicReduction(music_s=(2.0, 1.0))
    with pytest.raises(ParameterError, match="music_db"):
        Wishes(music_db=10.0)


@pytest.fixture(scope="module")
def talk() -> Diagnosis:
    """The diagnosis of a talk of 30 s, with music under it from second 10 to 20."""
    audio = np.tile(probe("voice", 2.0), 15)
    examination = Examination(Format(RATE, 2))
    examination.update(audio)
    found = examination.compute()
    music = tuple(1.0 if 10 <= second < 20 else 0.0 for second in range(30))
    content = replace(found.content, speech=(1.0,) * 30, music=music, silent=(False,) * 30)
    return replace(found, content=content)


def stages(diagnosis: Diagnosis, **wishes: Any) -> dict[str, Any]:
    return {stage.name: stage for stage in plan(diagnosis, "podcast", Wishes(**wishes)).chain.stages}


def test_clean_lowers_music_under_speech_where_it_is_asked_to(talk: Diagnosis) -> None:
    assert "music-reduction" not in stages(talk)
    assert "music-reduction" not in stages(talk, music="keep")
    lowering = stages(talk, music="reduce")["music-reduction"]
    assert (lowering.attenuation_db, lowering.music_s) == (15.0, (9.5, 20.5))
    assert stages(talk, music="reduce", music_db=8.0)["music-reduction"].attenuation_db == 8
    noisy = stages(talk, music="reduce", noise_reduction=20.0)["noise-reduction"]
    assert (noisy.keep, noisy.music_s) == ("voice", (9.5, 20.5))  # it does not reduce the music a second time


def test_music_beside_speech_is_lowered_too_where_it_is_asked_to(talk: Diagnosis) -> None:
    speech = tuple(0.0 if 12 <= second < 18 else 1.0 for second in range(30))
    jingle = replace(talk, content=replace(talk.content, speech=speech))
    assert stages(jingle, music="reduce")["music-reduction"].music_s == (9.5, 20.5)
    calm = replace(jingle.environment, snr_db=50.0, rumble_db=-60.0)
    clean = replace(jingle, environment=calm, noise=NoiseEstimate(()), hum=replace(jingle.hum, frequency_hz=0.0))
    assert clean.clean
    (lowering, *_) = plan(clean, wishes=Wishes(music="reduce")).chain.stages
    assert (lowering.name, vars(lowering)["music_s"]) == ("music-reduction", (9.5, 20.5))


def test_what_is_said_of_music_does_not_contradict_itself(talk: Diagnosis) -> None:
    noisy = replace(talk, environment=replace(talk.environment, snr_db=20.0, rumble_db=0.0))
    assert "gently where music plays" in reasons(noisy)["noise-reduction"]
    asked = reasons(noisy, music="reduce")
    assert "gently where music plays" in asked["noise-reduction"]
    assert asked["music-reduction"] == "music lowered by 15 dB, as asked for"


def test_music_that_is_kept_everywhere_is_treated_gently(talk: Diagnosis) -> None:
    noisy = replace(talk, environment=replace(talk.environment, snr_db=10.0, rumble_db=0.0))
    assert stages(noisy)["noise-reduction"].max_attenuation_db == 30
    kept = stages(noisy, music="keep")["noise-reduction"]
    assert (kept.keep, kept.music_s, kept.max_attenuation_db) == ("music", (), 4.0)
    assert stages(noisy, music="keep", noise_reduction=12.0)["noise-reduction"].max_attenuation_db == 12


def test_where_no_music_is_found_a_sentence_says_so(talk: Diagnosis) -> None:
    alone = replace(talk, content=replace(talk.content, music=(0.0,) * 30))
    found = stages(alone, music="reduce", music_db=8.0, noise_reduction=20.0)
    assert "music-reduction" not in found
    assert found["noise-reduction"].keep == "voice"
    assert "no music was found" in reasons(alone, music="reduce")["music-reduction"]


def test_music_in_a_film_is_reduced_too(talk: Diagnosis) -> None:
    film = replace(talk, format=Format(RATE, 6))
    assert stages(film, music="reduce") == stages(talk, music="reduce")


def test_in_a_chain_without_music_reduction_music_is_reduced_like_noise(talk: Diagnosis, tmp_path: Path) -> None:
    (tmp_path / "chain.toml").write_text('[[stage]]\nuse = "noise-reduction"\nmax_attenuation_db = 30\n')

    def only(diagnosis: Diagnosis, **wishes: Any) -> Any:
        (decision,) = plan(diagnosis, str(tmp_path / "chain.toml"), Wishes(**wishes)).decisions
        return decision

    found = only(talk, music="reduce")
    assert (found.effect.keep, found.effect.music_s, found.effect.max_attenuation_db) == ("voice", (), 30.0)
    assert "music is reduced like noise, as asked for" in found.reason
    assert only(talk, music="reduce", noise_reduction=20.0).effect.max_attenuation_db == 20
    alone = replace(talk, content=replace(talk.content, music=(0.0,) * 30))
    assert "no music was found to reduce" in only(alone, music="reduce").reason


def reasons(diagnosis: Diagnosis, **wishes: Any) -> dict[str, str]:
    return {d.name: d.reason for d in plan(diagnosis, "podcast", Wishes(**wishes)).decisions}
