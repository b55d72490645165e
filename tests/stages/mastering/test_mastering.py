"""The mastering stage against its contract, its goals as ffmpeg reads them, and the edges."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meters import lufs

from aural import Block, Chain, Format, Stage, create
from aural.errors import AudioError, ParameterError
from aural.measure.true_peak import TruePeakMeter
from aural.stages.mastering import dsp
from aural.stages.mastering.balance import Balance
from aural.stages.mastering.equaliser import Equaliser
from aural.stages.mastering.gain import gain_for
from aural.stages.mastering.stage import MOST_GAIN_DB, TARGETS, Master
from aural.stages.mastering.stream import LimiterStream
from aural.stream import pump
from aural.testing import RULES, partition, probe

RATE = 48000

STAGES = {
    "podcast": Master(),
    "hard": Master(target="streaming", ceiling_dbtp=-9.0, lookahead_ms=2.0),
    "half": Master(target_lufs=-10.0, mix=0.4),
    "shaped": Master(curve_db=tuple(map(float, range(-15, 16))), width_db=-6.0),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_contract(stage: Master, rule: Callable[[Stage], None]) -> None:
    rule(stage)


def test_registered() -> None:
    assert create("master", target="audiobook") == Master(target="audiobook")


def dbtp(audio: Block, sample_rate: int = RATE) -> float:
    meter = TruePeakMeter(Format(sample_rate, audio.shape[0]))
    meter.update(audio)
    return meter.compute()


@pytest.mark.parametrize("kind", ["voice", "loud", "peaks"])
@pytest.mark.parametrize("target", TARGETS)
def test_targets_are_met(target: str, kind: str) -> None:
    out = Master(target=target)(probe(kind), RATE)
    assert lufs(out) == pytest.approx(TARGETS[target][0], abs=0.1)
    assert dbtp(out) <= TARGETS[target][1] + 0.05


@pytest.mark.parametrize("jingle", [3.0, 0.2])
def test_music_that_does_not_count_leaves_speech_at_the_target(jingle: float) -> None:
    audio = np.concatenate([jingle * probe("voice", 6.0), 0.5 * probe("voice", 12.0)], axis=-1)
    out = Master(music_s=(0.0, 6.0))(audio, RATE)
    assert lufs(out[:, 6 * RATE :], RATE) == pytest.approx(-16, abs=0.2)
    assert abs(lufs(out, RATE) + 16) > 1
    with pytest.raises(ParameterError, match="music_s must be beginnings and ends in order of time"):
        Master(music_s=(2.0, 1.0))


def test_own_values_replace_the_target() -> None:
    out = Master(target="streaming", target_lufs=-11.0, ceiling_dbtp=-4.0)(probe("voice"), RATE)
    assert lufs(out) == pytest.approx(-11, abs=0.1)
    assert dbtp(out) == pytest.approx(-4, abs=0.05)


@pytest.mark.parametrize("most_db", [24.0, 0.0])
def test_peaks_are_lowered_by_a_limiter_if_it_may_work(most_db: float) -> None:
    master = Master(ceiling_dbtp=-3.0, max_limiting_db=most_db)
    audio = master(probe("peaks"), RATE)
    lower = Chain((master,)).lowering(2.0)
    assert lower is not None
    out = lower(audio, RATE)
    assert dbtp(out) <= -4.95
    if not most_db:
        np.testing.assert_allclose(out, audio * 10 ** (-2 / 20), rtol=1e-5, atol=1e-7)
    else:
        assert lufs(out) > lufs(audio) - 1
    assert Master(mix=0.5).lowering(2.0) is None
    assert Master(ceiling_dbtp=-20.0).lowering(2.0) is not None


def test_where_there_is_room_the_gain_is_all() -> None:
    audio = probe("loud")
    stage = Master(target="broadcast").measure([audio], Format(RATE, 2))
    assert stage.gain_db is not None
    np.testing.assert_array_equal(stage(audio, RATE), audio * np.float32(10 ** (stage.gain_db / 20)))


def test_limiter_at_rest_is_exact_again_after_a_peak() -> None:
    audio = probe("voice", 4.0).copy()
    audio[0, 24000] = 3.0
    stage = Master(gain_db=0.0, release_ms=20.0)
    changed = np.flatnonzero((stage(audio, RATE) != audio).any(axis=0))
    assert changed.min() >= 24000 - 0.006 * RATE
    assert changed.max() <= 24000 + 0.5 * RATE


def test_one_gain_for_all_channels() -> None:
    audio = np.stack([4 * probe("voice")[0], 0.1 * probe("voice")[0]])
    out = Master(gain_db=6.0)(audio, RATE)
    np.testing.assert_allclose(out[1], out[0] / 40, atol=1e-6)


def material(name: str, sample_rate: int) -> Block:
    rng = np.random.default_rng(3)
    time = np.arange(2 * sample_rate) / sample_rate
    noise = rng.standard_normal((2, time.size))
    tones = np.sin(2 * np.pi * np.array([[331.7], [2511.3]]) * time)
    audio = {
        "noise": 0.5 * noise,
        "bursts": noise * np.where(time * 7 % 1 < 0.3, 1, 0.05),
        "clipped": np.clip(3 * tones, -1, 1),
        "square": np.sign(tones),
        "clicks": np.where(rng.random(time.size) < 1e-3, 2 * noise, 0.01 * noise),
    }[name]
    fade = np.clip(np.minimum(time, time[::-1]) / 0.02, 0, 1)  # ffmpeg mirrors the start: a step there rings
    faded: Block = np.pad(audio * fade, ((0, 0), (500, 500))).astype(np.float32)
    return faded


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("sample_rate", [44100, 48000])
@pytest.mark.parametrize("name", ["noise", "bursts", "clipped", "square", "clicks"])
def test_ffmpeg_reads_no_peak_above_the_ceiling(name: str, sample_rate: int, tmp_path: Path) -> None:
    import soundfile

    audio = material(name, sample_rate)
    stage = Master(gain_db=6.0, ceiling_dbtp=-1.0, lookahead_ms=2.0, release_ms=30.0)
    soundfile.write(tmp_path / "x.wav", stage(audio, sample_rate).T, sample_rate, subtype="FLOAT")
    command = ["ffmpeg", "-nostats", "-i", str(tmp_path / "x.wav"), "-af", "ebur128=peak=true", "-f", "null", "-"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert float(re.findall(r"Peak:\s+(\S+) dBFS", report)[-1]) <= -0.9


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    gain_db=st.sampled_from([-10.0, 0.0, 12.0]),
    lookahead_ms=st.sampled_from([0.5, 5.0, 20.0]),
    channels=st.sampled_from([1, 2, 7]),
    sample_rate=st.sampled_from([8000, 44100, 192000]),
)
def test_any_partition_gives_the_same(
    seed: int, gain_db: float, lookahead_ms: float, channels: int, sample_rate: int
) -> None:
    audio = probe("loud", 1.0, channels)
    stage = Master(gain_db=gain_db, lookahead_ms=lookahead_ms)
    parts = list(pump(stage.open(Format(sample_rate, channels)), partition(audio, seed)))
    np.testing.assert_array_equal(np.concatenate(parts, axis=-1), stage(audio, sample_rate))


def test_silence_stays_and_noise_is_not_blown_up() -> None:
    silence = np.zeros((2, RATE), np.float32)
    stage = Master().measure([silence], Format(RATE, 2))
    assert stage.gain_db == 0
    assert not stage(silence, RATE).any()
    hiss = np.random.default_rng(0).standard_normal((1, 2 * RATE)).astype(np.float32)
    whisper = Master().measure([hiss * np.float32(3e-4)], Format(RATE, 1))  # about -68 LUFS
    assert whisper.gain_db == MOST_GAIN_DB
    assert Master().measure([hiss * np.float32(1e-5)], Format(RATE, 1)).gain_db == 0


@pytest.mark.parametrize("sample_rate", [8000, 192000])
@pytest.mark.parametrize("frames", [0, 1, 7, 1000])
def test_short_signals_are_measured_as_if_they_went_round(frames: int, sample_rate: int) -> None:
    audio = probe("voice", 1.0, 1)[:, 3000 : 3000 + frames]
    stage = Master().measure([audio[:, :3], audio[:, 3:]], Format(sample_rate, 1))
    assert stage.gain_db is not None
    assert -120 <= stage.gain_db <= MOST_GAIN_DB
    out = stage(audio, sample_rate)
    assert out.shape == audio.shape
    assert dbtp(out, sample_rate) <= -0.95 if frames else True


def test_short_word_is_as_loud_as_a_long_one() -> None:
    tone = 0.1 * np.sin(2 * np.pi * 500 * np.arange(2 * RATE) / RATE).astype(np.float32)[None]
    short, long = (Master().measure([x], Format(RATE, 1)).gain_db for x in (tone[:, :9600], tone))
    assert short == pytest.approx(long, abs=0.1)


@pytest.mark.parametrize("audio", [np.ones((1, RATE)), np.eye(1, RATE, 500)], ids=["direct current", "click"])
def test_odd_signals(audio: Block) -> None:
    out = Master()(audio.astype(np.float32), RATE)
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 0.9


@pytest.mark.parametrize("level_db", [-20.0, -33.0, -40.0])
def test_a_recording_with_parts_below_the_gate_reaches_its_target(level_db: float) -> None:
    """Turns of 3 s that are up to 12 dB softer: at first the softer ones do not count."""
    turns = np.repeat(10 ** (-np.array([0, 6, 12, 3, 9, 12]) / 20), 3 * RATE)
    audio = np.float32(10 ** ((level_db - 20) / 20)) * turns * np.sin(np.arange(turns.size) * 0.13)
    out = Master(target_lufs=-30.0)(audio[None].astype(np.float32), RATE)
    assert lufs(out) == pytest.approx(-30, abs=0.05)


def test_gain_search_stops_at_the_bound_and_takes_the_closest() -> None:
    def stubborn(gain_db: float) -> float:
        return min(-20.0 + gain_db, -12.0)  # no gain makes it louder than -12 LUFS

    def before(gain_db: float) -> float:
        return -20.0 + gain_db

    assert gain_for(-16, before, 10, 24, stubborn) == (4, 0)
    assert gain_for(-6, before, 2, 3, stubborn)[0] <= 2 + 3
    gain_db, short_lu = gain_for(-6, before, 2, 24, stubborn)
    assert stubborn(gain_db) == -12
    assert short_lu == 6


def test_envelope_reaches_each_needed_attenuation_in_time() -> None:
    needed = np.where(np.random.default_rng(1).random(3000) < 0.01, 2**29, 0)
    stage = LimiterStream(Format(RATE, 1), 0.0, -1.0, 1.0, 10.0)
    ahead = stage.ahead
    gain = stage.envelope(np.concatenate([needed, np.zeros(ahead, np.int64)]))[ahead:]
    for late in (0, 1):  # a peak may lie up to one frame behind the frame it is noted for
        assert (gain[late:] <= 1 - needed[: needed.size - late] * dsp.STEP + 1e-7).all()
    assert np.abs(np.diff(gain)).max() < 0.05


def test_highest_and_sums_are_those_of_every_window() -> None:
    steps = np.random.default_rng(2).integers(0, 1000, 200)
    windows = np.lib.stride_tricks.sliding_window_view(steps, 37)
    np.testing.assert_array_equal(dsp.highest(steps, 37), windows.max(axis=1))
    np.testing.assert_array_equal(dsp.sums(steps, 37), windows.sum(axis=1))


def test_what_cannot_be_reached_is_said(caplog: pytest.LogCaptureFixture) -> None:
    out = Master(target_lufs=-8.0, max_limiting_db=3.0)(probe("peaks"), RATE)
    short = -8 - lufs(out)
    assert short > 1
    assert caplog.messages == [f"master: {short:.1f} LU short of -8.0 LUFS: max_limiting_db 3 allows no more"]
    caplog.clear()
    Master(target="streaming")(probe("voice"), RATE)
    assert not caplog.messages


def test_reference_gives_loudness_spectrum_and_width(tmp_path: Path) -> None:
    import soundfile

    rng = np.random.default_rng(5)
    hiss = 0.05 * rng.standard_normal((2, 6 * RATE)).astype(np.float32)
    bright = Equaliser(bands=("high-shelf:2000:5",))(hiss, RATE) * np.float32(2)
    reference = bright + 0.3 * bright[::-1]  # narrower
    soundfile.write(tmp_path / "r.wav", reference.T, RATE, subtype="FLOAT")
    stage = Master(reference=str(tmp_path / "r.wav")).measure([hiss], Format(RATE, 2))
    out = stage(hiss, RATE)
    assert lufs(out) == pytest.approx(lufs(reference), abs=0.1)
    own, aim, before = (Balance.of([x], Format(RATE, 2)) for x in (out, reference, hiss))
    assert own.width() == pytest.approx(aim.width(), rel=0.15)
    assert before.width() > 3 * aim.width()
    left = 10 * np.log10(own.powers[8:28] / aim.powers[8:28])
    assert np.ptp(left) < 1.5
    again = replace(stage, reference="gone.wav")  # all is measured: the file is not needed any more
    np.testing.assert_array_equal(again(hiss, RATE), out)
    given = Master(reference=str(tmp_path / "r.wav"), target_lufs=-20.0)(hiss, RATE)
    assert lufs(given) == pytest.approx(-20, abs=0.1)


@pytest.mark.parametrize("more", [{}, {"curve_db": (0.0,) * 31}, {"width_db": 1.0}], ids=str)
def test_a_gain_and_a_reference_contradict_each_other(more: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="gain_db replaces the pass in which a reference is compared"):
        Master(reference="r.wav", gain_db=3.0, **more)


def test_what_a_reference_asks_too_much_of_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import soundfile

    hiss = 0.05 * np.random.default_rng(5).standard_normal((2, 3 * RATE)).astype(np.float32)
    path = str(tmp_path / "r.wav")
    dark = Equaliser(bands=("low-pass:300",))(hiss, RATE)
    soundfile.write(path, (100 * (dark + 0.99 * dark[::-1])).T, RATE, subtype="FLOAT")
    Master(reference=path).measure([hiss], Format(RATE, 2))
    said = "\n".join(caplog.messages)
    assert re.search(r"match: the spectrum is up to [2-9]\d dB away from that of .*r\.wav; at most 12 dB", said)
    assert re.search(r"match: the width is up to [1-9]\d dB away", said)
    assert re.search(r"master: the reference has [+-]?\d+\.\d LUFS: -5\.0 is aimed at", said)
    soundfile.write(path, (1e-4 * hiss).T, RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"r\.wav: is too soft to have a loudness"):
        Master(reference=path).measure([hiss], Format(RATE, 2))


@pytest.mark.parametrize("sample_rate", [8000, 44100, 48000])
def test_the_shortest_look_ahead_keeps_true_peaks_too(sample_rate: int) -> None:
    burst = 2 * np.sign(np.sinc(np.arange(-50, 50) + 0.5))
    hiss = np.random.default_rng(1).standard_normal(sample_rate)
    audio = np.concatenate([np.zeros(200), burst, np.zeros(500), hiss])[np.newaxis].astype(np.float32)
    out = Master(gain_db=6.0, ceiling_dbtp=-1.0, lookahead_ms=0.5, release_ms=5.0)(audio, sample_rate)
    assert dbtp(out, sample_rate) <= -0.85
