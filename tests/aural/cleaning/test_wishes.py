"""What a user wishes is done, whatever the diagnosis says; the rest is left to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import EXAMPLE, invoke, voice, write

import aural
from aural.advice import Wishes
from aural.chainfile import presets, read_chain
from aural.cleaning.planning import plan
from aural.errors import ChainError, ParameterError
from aural.measure.diagnosis import Diagnosis
from aural.measure.examination import inspect
from aural.measure.noise.meter import NoiseEstimate
from aural.measure.room.meter import RoomEstimate


@pytest.fixture(scope="module")
def memo() -> Diagnosis:
    """Return the diagnosis of a noisy voice without a room."""
    return replace(inspect(EXAMPLE), room=RoomEstimate(0.3, 1.3, 20.0, 2.0))


@pytest.fixture(scope="module")
def calm(memo: Diagnosis) -> Diagnosis:
    """Return that of a voice that needs nothing but its level."""
    environment = replace(memo.environment, snr_db=50.0)
    return replace(
        memo,
        environment=environment,
        noise=NoiseEstimate(()),
        hum=replace(memo.hum, frequency_hz=0.0, harmonics=()),
    )


def settings(diagnosis: Diagnosis, preset: str = "auto", **wishes: Any) -> dict[str, Any]:
    """Return the parameters of the stages that would run, those of a later one over those of an earlier."""
    return {name: value for stage in plan(diagnosis, preset, Wishes(**wishes)).chain.stages
            for name, value in vars(stage).items()}  # fmt: skip


def reason(diagnosis: Diagnosis, name: str, **wishes: Any) -> str:
    decisions = plan(diagnosis, wishes=Wishes(**wishes)).decisions
    return next(decision.reason for decision in reversed(decisions) if decision.name == name)


def test_a_wish_for_noise_reduction(memo: Diagnosis, calm: Diagnosis) -> None:
    assert settings(memo)["max_attenuation_db"] == 30
    for diagnosis in (memo, calm):
        assert settings(diagnosis, noise_reduction=12.0)["max_attenuation_db"] == 12
        assert "noise lowered by up to 12 dB, as asked for" in reason(
            diagnosis, "noise-reduction", noise_reduction=12.0
        )
    assert settings(memo, noise_reduction=12.0)["hum_hz"] == pytest.approx(50, abs=0.1)
    assert "max_attenuation_db" not in settings(memo, noise_reduction=0.0)
    assert reason(memo, "noise-reduction", noise_reduction=0.0) == "turned off, as asked for"


def test_a_wish_for_the_room(memo: Diagnosis, calm: Diagnosis) -> None:
    far = replace(memo, room=RoomEstimate(0.9, 1.3, 0.0, 2.0))
    assert settings(far)["dereverb"] == 0.5
    assert settings(far, dereverb=0.0)["dereverb"] == 0
    assert settings(far, dereverb=0.0)["max_attenuation_db"] == settings(far)["max_attenuation_db"]
    only_room = settings(calm, dereverb=0.8)
    assert (only_room["dereverb"], only_room["max_attenuation_db"], only_room["hum_hz"]) == (0.8, 12, 0)
    without_noise = settings(far, dereverb=0.3, noise_reduction=0.0)
    assert (without_noise["dereverb"], without_noise["max_attenuation_db"]) == (0.3, 0)


def test_a_wish_for_treble(memo: Diagnosis) -> None:
    assert "frequency-expansion" not in [stage.name for stage in plan(memo).chain.stages]
    assert "treble added at 0.4 where it is missing" in reason(memo, "frequency-expansion", treble=0.4)
    (added,) = (s for s in plan(memo, wishes=Wishes(treble=0.4)).chain.stages if s.name == "frequency-expansion")
    assert added.mix == 0.4
    dull = replace(memo, bandwidth=replace(memo.bandwidth, cutoff_hz=4000.0))
    assert "frequency-expansion" in [stage.name for stage in plan(dull).chain.stages]
    assert reason(dull, "frequency-expansion", treble=0.0) == "turned off, as asked for"
    (filled,) = (
        s for s in plan(memo, "old-mp3", Wishes(treble=0.7)).chain.stages if s.name == "frequency-generation"
    )
    assert filled.mix == 0.7


def test_a_wish_for_music(memo: Diagnosis) -> None:
    assert settings(memo, music="keep")["keep"] == "music"
    assert settings(memo, music="reduce")["keep"] == "voice"
    seconds = len(memo.content.speech)
    song = replace(memo, content=replace(memo.content, speech=(0.0,) * seconds, music=(1.0,) * seconds))
    assert song.kind == "music"
    assert settings(song, noise_reduction=6.0)["keep"] == "music"
    assert settings(song, noise_reduction=6.0, music="reduce")["keep"] == "music"  # not a second time
    assert reason(song, "music-reduction", music="reduce") == "all but the voice lowered by 15 dB, as asked for"


def test_a_wish_for_the_level_is_the_last_stages(memo: Diagnosis) -> None:
    stages = plan(replace(memo, speech_range_db=20.0), "podcast", Wishes(target_lufs=-18.0))
    levels = [stage.target_lufs for stage in stages.chain.stages if stage.name == "master"]  # type: ignore[attr-defined]
    assert levels == [-20, -18]
    assert settings(memo, max_limiting_db=2.0)["max_limiting_db"] == 2
    assert "to -18 LUFS" in reason(memo, "master", target_lufs=-18.0)


def test_what_nothing_can_do_is_refused(memo: Diagnosis, tmp_path: Path) -> None:
    chain = tmp_path / "my.toml"
    chain.write_text('[[stage]]\nuse = "gate"\n')
    with pytest.raises(ChainError, match="does what dereverb asks for"):
        plan(memo, str(chain), Wishes(dereverb=0.5))
    with pytest.raises(ParameterError, match="clean: dereverb must be from 0 to 1, got 2"):
        Wishes(dereverb=2.0)


@pytest.mark.parametrize("name", sorted(presets()))
def test_presets_limit_by_up_to_6_db(name: str) -> None:
    assert read_chain(name).stages[-1].max_limiting_db == 6  # type: ignore[attr-defined]


def peaky(peak_db: float) -> np.ndarray:
    """Return tones whose peaks stand so far above their loudness that the limiter has so much to do at -14 LUFS."""
    seconds, rng = 6, np.random.default_rng(0)
    noise = 0.03 * rng.standard_normal(seconds * 48000)
    noise[:: 48000 // 4] = 10 ** (peak_db / 20) * 10 ** (-1 / 20)
    return noise[None].astype(np.float32)


@pytest.mark.parametrize(("crest_db", "target_lufs", "reached"), [(-3.0, -22.0, True), (0.0, -20.0, False)])
def test_the_target_is_reached_with_limiting_or_said_to_be_missed(
    tmp_path: Path, crest_db: float, target_lufs: float, reached: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "a.wav", peaky(crest_db), subtype="FLOAT")
    done = aural.clean(path, tmp_path / "b.wav", "song", target_lufs=target_lufs)
    wanted = target_lufs - done.before.loudness.integrated_lufs
    limiting = wanted - (-1 - done.before.true_peak_dbtp)
    assert (0.5 < limiting < 6) == reached
    assert (done.after.loudness.integrated_lufs == pytest.approx(target_lufs, abs=0.1)) == reached
    assert (f"LU short of {target_lufs} LUFS: max_limiting_db 6 allows no more" in caplog.text) != reached
    assert "peaks limited by about" in done.plan.decisions[-1].reason
    more = aural.clean(path, tmp_path / "c.wav", "song", target_lufs=target_lufs, max_limiting_db=24.0)
    assert more.after.loudness.integrated_lufs == pytest.approx(target_lufs, abs=0.1)


def test_wishes_on_the_command_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", voice())
    wishes = ["--noise-reduction", "9", "--dereverb", "off", "--target-lufs", "-20", "--max-limiting-db", "12"]
    code, out, err = invoke("clean", path, "-n", *wishes)
    assert (code, err) == (0, "")
    assert "noise lowered by up to 9 dB, as asked for" in out
    assert "to -20 LUFS" in out
    assert "turned off, as asked for" in invoke("clean", path, "-n", "--noise-reduction", "off")[1]
    assert invoke("clean", path, "-n", "--noise-reduction", "auto")[0] == 0
    for option, value in (("--noise-reduction", "90"), ("--noise-reduction", "strong"), ("--music", "louder")):
        code, out, err = invoke("clean", path, "-n", option, value)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
