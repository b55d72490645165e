"""The diagnosis, and the chain that follows from it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from contents import content
from recordings import CORPUS, EXAMPLE, loud, needs_corpus, voice, write
from scipy.signal import butter, sosfilt

import aural
from aural import ChainError, Effect, Format
from aural.advice import Wishes
from aural.audio.files import read
from aural.cleaning.planning import plan
from aural.learning.metrics.distortion import si_sdr
from aural.measure.defects import Defects
from aural.measure.diagnosis import Diagnosis
from aural.measure.environment import EnvironmentMeter
from aural.measure.examination import Examination, inspect
from aural.measure.noise.meter import NoiseEstimate
from aural.measure.room.meter import RoomEstimate
from aural.measure.words import figures
from aural.parameters import parameters
from aural.signals import Block
from aural.stages.mastering.stage import Master
from aural.stages.repair.stage import Declip
from aural.testing import SAMPLE_RATE, partition, probe

RATE = 48000
NOISELESS = NoiseEstimate(())
DRY, FAR = RoomEstimate(0.3, 1.3, 20.0, 2.0), RoomEstimate(0.8, 1.3, 0.0, 2.0)


def examine(audio: Block, sample_rate: int = RATE) -> Diagnosis:
    examination = Examination(Format(sample_rate, audio.shape[0]))
    for block in partition(np.asarray(audio, np.float32), 1):
        examination.update(block)
    return examination.compute()


def found(audio: Block, words: str, sample_rate: int = RATE) -> bool:
    return any(words in finding for finding in examine(audio, sample_rate).findings())


def test_blocks_do_not_matter() -> None:
    audio = probe("voice")
    whole = Examination(Format(RATE, 2))
    whole.update(audio)
    a, b = examine(audio), whole.compute()
    assert a.loudness.integrated_lufs == pytest.approx(b.loudness.integrated_lufs, abs=1e-6)
    assert a.environment.snr_db == pytest.approx(b.environment.snr_db, abs=1e-3)
    assert (a.hum.frequency_hz, a.bandwidth.cutoff_hz) == pytest.approx((b.hum.frequency_hz, b.bandwidth.cutoff_hz))


def test_dc() -> None:
    assert found(voice() + 0.05, "DC offset of 5.0 %")
    for gain in (0.1, 1.0, 20.0):
        assert found(gain * (voice() + 0.05), "DC offset"), "beside the sound, it does not change"
        assert not found(gain * (voice() + 0.001), "DC offset")
    assert examine(voice() + 0.1).kind == examine(voice()).kind == "speech", "an offset is no rumble"
    assert not found(voice(), "DC offset")


@pytest.mark.parametrize("level", [1.0, 0.1])
def test_clipping_is_found_at_any_level(level: float) -> None:
    loud = probe("loud")
    assert found(level * np.clip(2.5 * loud, -0.5, 0.5), "clipping")
    assert not found(level * loud, "clipping")


def test_distortion_that_is_meant_is_said_and_kept() -> None:
    """A synthesiser's tones that were cut off, under another sound."""
    time = np.arange(4 * RATE) / RATE
    tones = sum(np.sin(2 * np.pi * hz * time) for hz in (82.4, 123.5, 164.8)) * np.abs(np.sin(2 * np.pi * time))
    audio = 0.25 * np.clip(tones, -1, 1) + 0.02 * np.random.default_rng(0).standard_normal(time.size)
    diagnosis = replace(examine(audio[None].astype(np.float32)), ordered="music")
    assert any("probably meant" in words for words in diagnosis.beyond_repair())
    assert not any("heavy clipping" in words for words in diagnosis.findings())
    decision = Declip().advise(diagnosis)
    assert decision.effect is None
    assert "probably meant" in decision.reason
    assert Declip().advise(replace(diagnosis, ordered="speech")).effect


def test_channels_that_are_wrong_are_said() -> None:
    audio = voice()
    assert found(np.concatenate([audio, -audio]), "cancel each other in mono")
    assert found(np.concatenate([audio, 0 * audio]), "a channel that holds nothing")
    surround = np.concatenate([audio] * 3 + [0 * audio] + [audio] * 2)
    assert not found(surround, "holds nothing"), "the low-frequency channel may be silent"
    both = np.concatenate([audio, 0.1 * np.roll(audio, 4800, axis=-1)])
    assert not found(both, "cancel")
    assert not found(both, "holds nothing")


def test_false_stereo() -> None:
    assert found(np.repeat(voice(), 2, axis=0), "mono in a stereo file")
    assert not found(probe("voice") * np.array([[1], [-0.5]]), "mono in a stereo file")


def test_opposite_channels_are_no_silence() -> None:
    both = np.concatenate([voice(), -voice()])
    assert examine(both).environment.snr_db == pytest.approx(examine(voice()).environment.snr_db, abs=0.1)


def test_hum() -> None:
    assert found(voice(6.0), "mains hum at 50.0")


def test_silence() -> None:
    diagnosis = examine(np.zeros((2, RATE)))
    assert diagnosis.findings() == ["holds nothing but silence"]
    assert plan(diagnosis).chain.stages == ()


def test_a_recording_too_short_for_its_loudness() -> None:
    decisions = plan(examine(0.1 * np.sin(np.arange(RATE // 5) / 7)[None])).decisions
    (reason,) = [decision.reason for decision in decisions if decision.name == "master"]
    assert reason == "to streaming; the recording is too short for its loudness to be measured"


@pytest.mark.parametrize("snr_db", [5, 15, 25])
@pytest.mark.parametrize("gain", [1.0, 0.01])
def test_signal_to_noise_ratio_of_a_known_mixture(snr_db: float, gain: float) -> None:
    rng = np.random.default_rng(0)
    time = np.arange(20 * RATE) / RATE
    pulses = np.clip(np.sin(2 * np.pi * 2 * time), 0, 1) * sum(
        np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 20)
    )
    noise = rng.standard_normal(time.size)
    noise *= np.sqrt(np.mean(pulses**2) / np.mean(noise**2)) * 10 ** (-snr_db / 20)
    meter = EnvironmentMeter(Format(RATE, 1))
    meter.update(gain * 0.1 * (pulses + noise)[np.newaxis].astype(np.float32))
    assert meter.compute().snr_db == pytest.approx(snr_db, abs=1.0)


def test_the_example() -> None:
    diagnosis = inspect(EXAMPLE)
    assert diagnosis.kind == "speech"
    assert diagnosis.origin == "the file's own codec, aac, or what it was made from"
    text = " ".join(diagnosis.findings())
    assert "background noise" in text
    assert "mains hum at 50.0" in text
    chosen = plan(diagnosis)
    assert next(d.name for d in chosen.decisions if d.effect) == "noise-reduction"
    assert chosen.chain.stages[-1].name == "master"
    assert all(decision.reason for decision in chosen.decisions)


def test_noise_alone_is_not_called_music() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((1, 4 * RATE)).astype(np.float32)
    assert dict(figures(examine(noise)))["recording"].endswith("neither speech nor music")


def names(diagnosis: Diagnosis, preset: str = "auto") -> list[str]:
    return [stage.name for stage in plan(diagnosis, preset).chain.stages]


@pytest.fixture(scope="module")
def clean_voice() -> Diagnosis:
    rough = inspect(EXAMPLE)
    environment = replace(rough.environment, snr_db=50.0)
    hum = replace(rough.hum, frequency_hz=0.0, harmonics=())
    return replace(rough, environment=environment, noise=NOISELESS, room=DRY, hum=hum)


def test_a_clean_voice_is_left_alone(clean_voice: Diagnosis) -> None:
    assert clean_voice.findings() == []
    (master,) = plan(clean_voice).chain.stages
    assert (master.name, master.max_limiting_db) == ("master", 6.0)  # type: ignore[attr-defined]


def test_each_finding_brings_its_stage(clean_voice: Diagnosis) -> None:
    noisy = replace(clean_voice, environment=replace(clean_voice.environment, snr_db=15.0))
    assert names(noisy) == ["noise-reduction", "master"]
    hum = replace(clean_voice.hum, frequency_hz=60.0, harmonics=(1, 2), level_dbfs=-50.0)
    humming = replace(clean_voice, hum=hum)
    (reduction, _) = plan(humming).chain.stages
    assert (reduction.hum_hz, reduction.max_attenuation_db) == (60.0, 0.0)  # type: ignore[attr-defined]
    dull = replace(clean_voice, bandwidth=replace(clean_voice.bandwidth, cutoff_hz=3400.0, cut=True))
    assert names(dull) == ["frequency-expansion", "master"]
    uneven = replace(noisy, speech_range_db=20.0)
    assert names(uneven) == ["noise-reduction", "leveller", "master", "dynamic-compression", "master"]
    far = replace(noisy, room=FAR)
    assert plan(far).preset == "lecture"
    shares = [plan(x).chain.stages[0].dereverb for x in (far, noisy)]  # type: ignore[attr-defined]
    assert shares == [0.5, 0.0]
    ringing = replace(far, environment=replace(far.environment, snr_db=50.0), noise=NOISELESS)
    assert plan(ringing).chain.stages[0].max_attenuation_db == 12.0  # type: ignore[attr-defined]


def test_a_kitchen_is_a_room() -> None:
    """The example: a phone 60 cm from the voice, where sound dies away in 0.35 s."""
    kitchen = inspect(EXAMPLE)
    assert kitchen.room.decay_s == pytest.approx(0.35, rel=0.3)
    assert any("a reverberant room" in finding for finding in kitchen.findings())
    assert plan(kitchen).chain.stages[0].dereverb == 0.5  # type: ignore[attr-defined]


def test_a_level_stage_stays_where_a_compressor_follows(clean_voice: Diagnosis, tmp_path: Path) -> None:
    uneven = replace(clean_voice, speech_range_db=20.0)
    (tmp_path / "my.toml").write_text('[[stage]]\nuse = "master"\n[[stage]]\nuse = "dynamic-compression"\n')
    assert names(uneven, str(tmp_path / "my.toml")) == ["master", "dynamic-compression"]


def test_what_a_chain_file_says_of_hum_holds(clean_voice: Diagnosis, tmp_path: Path) -> None:
    humming = replace(clean_voice, hum=replace(clean_voice.hum, frequency_hz=50.0, harmonics=(1,)))
    (tmp_path / "my.toml").write_text('[[stage]]\nuse = "noise-reduction"\nhum_hz = 60.0\nhum_harmonics = [1, 2]\n')
    (reduction,) = plan(humming, str(tmp_path / "my.toml")).chain.stages
    assert (reduction.hum_hz, reduction.hum_harmonics) == (60.0, (1, 2))  # type: ignore[attr-defined]


def test_noises_that_come_and_go(clean_voice: Diagnosis) -> None:
    def with_noises(levels_db: tuple[float, ...], drawn: str = 20 * "s") -> Diagnosis:
        return replace(clean_voice, noise=NoiseEstimate(levels_db), content=content(drawn), duration_s=20.0)

    dog = with_noises(4 * (-45.0,) + (-30.0, -9.0, -15.0) + 13 * (-40.0,))
    assert dog.findings() == ["noises up to 9 dB below the voice, in 2 s, from 0:05 on"]
    assert names(dog) == ["noise-reduction", "master"]
    assert plan(dog).chain.stages[0].max_attenuation_db == 30.0  # type: ignore[attr-defined]
    assert not with_noises(20 * (-30.0,)).noisy
    assert not with_noises(dog.noise.levels_db, "sss" + 5 * "b" + 12 * "s").noises_s, "music is no noise"
    assert not replace(dog, duration_s=600.0).noises_s, "so few are left alone"


def test_music_loses_nothing_but_hum(clean_voice: Diagnosis) -> None:
    music = replace(clean_voice, content=content("m" * 15), environment=replace(clean_voice.environment, snr_db=3.0))
    assert names(music) == ["master"]
    assert plan(music).preset == "song"
    old = replace(music, bandwidth=replace(music.bandwidth, cutoff_hz=11000.0, cut=True))
    assert (plan(old).preset, names(old)) == ("old-mp3", ["frequency-generation", "master"])


def test_treble_that_the_sample_rate_of_an_old_file_cannot_hold_is_added(clean_voice: Diagnosis) -> None:
    ends = replace(clean_voice.bandwidth, cutoff_hz=11000.0, cut=True)
    low = replace(clean_voice, content=content("m" * 15), bandwidth=ends, format=Format(24000, 1))
    for lowpass_hz in (11000.0, None):
        found = replace(low, bandwidth=replace(ends, lowpass_hz=lowpass_hz))
        assert (plan(found).preset, names(found)) == ("old-mp3", ["frequency-generation", "master"])
    lossless = replace(low, info=None, bandwidth=replace(ends, steepness_db=35.0, lowpass_hz=None))
    assert (plan(lossless).preset, names(lossless)) == ("song", ["frequency-expansion", "master"])


def ending(
    voice: Diagnosis, cutoff_hz: float, steepness_db: float, lowpass_hz: float | None, drawn: str = "m" * 15
) -> Diagnosis:
    """Return the diagnosis of a lossless file whose spectrum ends so."""
    band = replace(voice.bandwidth, cutoff_hz=cutoff_hz, cut=True, steepness_db=steepness_db, lowpass_hz=lowpass_hz)
    return replace(voice, content=content(drawn), bandwidth=band, info=None)


def test_an_mp3_that_was_decoded_is_known_by_what_it_leaves_empty(clean_voice: Diagnosis) -> None:
    at_64 = ending(clean_voice, 10800.0, 53.0, 11000.0)
    for decoded in (at_64, replace(at_64, format=Format(24000, 2))):
        assert (plan(decoded).preset, names(decoded)) == ("old-mp3", ["frequency-generation", "master"])
    at_128 = ending(clean_voice, 16400.0, 50.0, 16600.0)
    assert names(at_128) == ["master"], "it is hardly heard"
    assert names(at_128, "old-mp3") == ["frequency-generation", "master"]


def test_what_the_sample_rate_cuts_off_is_laid_to_it(clean_voice: Diagnosis) -> None:
    ends = replace(clean_voice.bandwidth, cutoff_hz=5100.0, cut=True, steepness_db=45.0)
    voice = replace(clean_voice, bandwidth=ends, info=None)
    assert replace(voice, format=Format(11025, 1)).origin == "a sample rate of 11025 Hz"
    assert replace(voice, format=Format(16000, 1)).origin == "16 kHz sampling, a wideband call or Bluetooth"


def test_the_natural_end_of_instruments_is_not_dull(clean_voice: Diagnosis) -> None:
    ends = partial(ending, clean_voice)
    flute, singing, bass = ends(11000.0, 18.0, None), ends(11000.0, 26.0, 20200.0), ends(11000.0, 24.0, 1400.0)
    whole = ends(20300.0, 45.0, 20400.0)
    for natural in (flute, singing, bass, whole):
        assert not natural.dull
        assert names(natural) == names(natural, "old-mp3") == ["master"]
    assert singing.origin == "a gentle filter, or a natural decline"
    assert ends(11000.0, 18.0, 11500.0).dull, "a codec leaves nothing above"
    assert ends(11000.0, 45.0, None).dull
    assert ends(11000.0, 18.0, None, "s" * 15).dull, "a voice has consonants up there"


def test_what_is_neither_speech_nor_music_gets_a_gain_alone(clean_voice: Diagnosis) -> None:
    rain = replace(
        clean_voice,
        content=content("-" * 14 + "m"),
        bandwidth=replace(clean_voice.bandwidth, cutoff_hz=9000.0, cut=True),
        loudness=replace(clean_voice.loudness, integrated_lufs=-35.0),
        true_peak_dbtp=-10.0,
    )
    (master,) = plan(rain).chain.stages
    assert isinstance(master, Master)
    assert (master.max_limiting_db, master.gain_db) == (0.0, 9.0)
    (wished,) = plan(rain, "auto", Wishes(max_limiting_db=4.0)).chain.stages
    assert wished.max_limiting_db == 4.0  # type: ignore[attr-defined]
    assert names(rain, "song") == ["frequency-expansion", "master"], "a preset says that it is music"
    assert names(replace(rain, content=content("-" * 10 + "mm"))) == ["frequency-generation", "master"]


def test_it_is_said_where_most_of_a_recording_is_reduced_as_noise(clean_voice: Diagnosis) -> None:
    def reason(drawn: str) -> str:
        noisy = replace(clean_voice.environment, snr_db=15.0, floor_dbfs=-40.0)
        birds = replace(clean_voice, environment=noisy, content=content(drawn), duration_s=float(len(drawn)))
        (reduction,) = (d.reason for d in plan(birds).decisions if d.name == "noise-reduction")
        return reduction

    assert "in the 35 s without speech: turn noise reduction off" in reason("sssss" + "-" * 35)
    assert "without speech" not in reason("s" * 20 + "-" * 20)


def test_a_tone_of_the_frequency_of_the_mains_is_no_hum(clean_voice: Diagnosis) -> None:
    def hums(level_dbfs: float, drawn: str) -> bool:
        hum = replace(clean_voice.hum, frequency_hz=50.0, harmonics=(1,), level_dbfs=level_dbfs)
        level = replace(clean_voice.level, rms_dbfs=-20.0)
        return replace(clean_voice, hum=hum, level=level, content=content(drawn)).hums

    assert not hums(-20.1, "-" * 15)
    offset = replace(clean_voice.level, rms_dbfs=-15.0, dc=0.147)
    hum = replace(clean_voice.hum, frequency_hz=50.0, harmonics=(1,), level_dbfs=-20.0)
    assert not replace(clean_voice, level=offset, hum=hum, content=content("-" * 15)).hums
    assert hums(-23.0, "-" * 15), "other things are louder"
    assert hums(-20.1, "s" * 15), "a voice with loud hum"


def test_a_preset_by_name_is_an_order(clean_voice: Diagnosis, tmp_path: Path) -> None:
    music = replace(clean_voice, content=content("m" * 15), environment=replace(clean_voice.environment, snr_db=15.0))
    (reduction, *_) = plan(music, "podcast").chain.stages
    assert (reduction.name, reduction.max_attenuation_db) == ("noise-reduction", 30.0)  # type: ignore[attr-defined]
    noisy = replace(music, content=content("s" * 15))
    assert names(noisy) == ["noise-reduction", "master"]
    assert names(noisy, "song") == ["master"]
    path = tmp_path / "my.toml"
    path.write_text('[[stage]]\nuse = "noise-reduction"\n')
    assert names(music, str(path)) == [], "it does not say what it is for"
    path.write_text('content = "speech"\n[[stage]]\nuse = "noise-reduction"\n')
    assert names(music, str(path)) == ["noise-reduction"]


def test_speech_over_music_and_beside_a_jingle_are_said(clean_voice: Diagnosis) -> None:
    def findings(drawn: str) -> list[str]:
        return replace(clean_voice, content=content(drawn), duration_s=float(len(drawn))).findings()

    assert findings("ssssbbbbbb") == ["speech over music for 6 s"]
    assert findings("mmmmssssssssssss") == ["music beside the speech for 4 s"]
    assert findings("bbb" + "s" * 20) == findings("smsmsmsms") == [], "a moment may be a mistake"
    assert findings("m" * 10) == []


def test_noise_reduction_keeps_music_where_it_plays(clean_voice: Diagnosis) -> None:
    noisy = replace(clean_voice, environment=replace(clean_voice.environment, snr_db=15.0))

    def passages(drawn: str) -> tuple[float, ...]:
        mapped = replace(noisy, content=content(drawn), duration_s=float(len(drawn)))
        return plan(mapped).chain.stages[0].music_s  # type: ignore[attr-defined, no-any-return]

    assert passages("mmmmm" + 20 * "s" + "bbbb--mmmm") == (0.0, 5.5, 24.5, 35.0)
    assert passages(30 * "s") == passages("mmm" + 20 * "s") == ()


def test_a_preset_for_speech_that_is_named_brings_speech_to_the_target(clean_voice: Diagnosis) -> None:
    def aside(drawn: str, preset: str) -> tuple[float, ...]:
        mapped = replace(clean_voice, content=content(drawn), duration_s=float(len(drawn)), speech_lufs=-30.0)
        decision = plan(mapped, preset).decisions[-1]
        assert decision.reason.startswith("from -30.0 LUFS of speech") == bool(vars(decision.effect)["music_s"])
        return vars(decision.effect)["music_s"]  # type: ignore[no-any-return]

    assert aside("mmmbbmmm" + 20 * "s" + "mmmm", "podcast") == (0.0, 8.5, 27.5, 32.0)
    assert aside("bbbbbbmm" + 20 * "s", "podcast") == (), "a bed under speech is no jingle"
    assert aside("mmmmmmmm" + 20 * "s", "auto") == aside(28 * "m", "song") == ()


def test_music_that_is_named_a_podcast_counts(clean_voice: Diagnosis) -> None:
    music = replace(clean_voice, content=content(30 * "m"), duration_s=30.0, speech_lufs=-np.inf)
    (*_, master) = plan(music, "podcast").chain.stages
    assert vars(master)["music_s"] == ()


def test_own_passages_of_music_are_measured_anew(clean_voice: Diagnosis) -> None:
    jingle = replace(clean_voice, content=content("mmmmmmmm" + 20 * "s"), duration_s=28.0, speech_lufs=-21.0)
    assert vars(Master(music_s=(0.0, 8.5)).informed(jingle))["gain_db"] == pytest.approx(5.0)
    assert vars(Master(music_s=(0.0, 4.0)).informed(jingle))["gain_db"] is None


def test_what_bursts_in_music_is_no_plosive(monkeypatch: pytest.MonkeyPatch) -> None:
    examination = Examination(Format(RATE, 2))
    examination.update(probe("pops", 8.0))
    _, noise, room = examination.bands.compute()
    for drawn, some in (("ssssssss", True), ("mmmmmmmm", False), ("sssmmmmm", True)):
        monkeypatch.setattr(examination.bands, "compute", lambda drawn=drawn: (content(drawn), noise, room))
        assert bool(examination.compute().plosives) == some


def test_plosives_and_breaths_are_mended_beside_music(clean_voice: Diagnosis) -> None:
    found = Defects(count=2, per_minute=5.0, strength_db=25.0, places_s=(8.0, 12.0))
    drawn = "mmmmm" + 20 * "s"
    jingle = replace(clean_voice, content=content(drawn), duration_s=float(len(drawn)), plosives=found, breaths=found)
    noisy = replace(jingle, environment=replace(jingle.environment, snr_db=15.0))
    mending = {stage.name: stage for stage in plan(noisy, "podcast").chain.stages}
    assert vars(mending["de-plosive"])["music_s"] == vars(mending["de-breath"])["music_s"] == (0.0, 5.5)


def test_faint_noise_is_lowered_less(clean_voice: Diagnosis) -> None:
    def attenuation_db(snr_db: float) -> float:
        noisy = replace(clean_voice, environment=replace(clean_voice.environment, snr_db=snr_db))
        return plan(noisy).chain.stages[0].max_attenuation_db  # type: ignore[attr-defined, no-any-return]

    assert attenuation_db(5.0) == attenuation_db(15.0) == 30.0
    assert 30.0 > attenuation_db(24.0) > attenuation_db(27.0) >= 6.0


def test_hum_that_nobody_hears_is_left(clean_voice: Diagnosis) -> None:
    faint = replace(clean_voice, hum=replace(clean_voice.hum, frequency_hz=49.8, harmonics=(1,), level_dbfs=-118.0))
    assert faint.findings() == []
    assert names(faint) == ["master"]


@pytest.mark.parametrize(("rate", "cutoff_hz", "cut"), [(8000, 3400.0, True), (16000, 8000.0, False)])
def test_a_low_sample_rate_is_raised(clean_voice: Diagnosis, rate: int, cutoff_hz: float, cut: bool) -> None:
    low = replace(clean_voice, format=Format(rate, 1))
    dull = replace(low, bandwidth=replace(clean_voice.bandwidth, cutoff_hz=cutoff_hz, cut=cut))
    assert names(dull) == ["frequency-expansion", "master"]


def test_unknown_preset(clean_voice: Diagnosis) -> None:
    with pytest.raises(ChainError, match="no preset called 'podcats'; did you mean 'podcast'"):
        plan(clean_voice, "podcats")


@pytest.mark.corpus
@needs_corpus
@pytest.mark.parametrize("name", ["rhasspy_nathalie", "freeswitch_richard", "tofugu_wanikani"])
def test_a_clean_studio_voice_changes_in_nothing_but_level(tmp_path: Path, name: str) -> None:
    files = sorted((CORPUS / "speech" / name).rglob("*.opus"))[:6]
    audio = np.concatenate([soundfile.read(file, always_2d=True)[0].mean(axis=1) for file in files])
    source = write(tmp_path / "a.wav", audio[np.newaxis], subtype="PCM_24")
    aural.clean(source, tmp_path / "b.wav", max_limiting_db=0.0)
    assert si_sdr(audio, soundfile.read(tmp_path / "b.wav")[0], RATE) > 30


def measuring(effect: Effect) -> Effect:
    """Return an effect without what it measures."""
    measured = [p.name for p in parameters(type(effect)) if p.spec.measured and "hum" not in p.name]
    return replace(effect, **dict.fromkeys(measured))


@pytest.mark.parametrize(("gain", "preset"), [(0.3, "auto"), (0.05, "song")])
def test_what_was_diagnosed_is_not_measured_again(tmp_path: Path, gain: float, preset: str) -> None:
    low_pass = butter(24, 9000, fs=SAMPLE_RATE, output="sos")
    source = write(tmp_path / "a.wav", gain * sosfilt(low_pass, loud(6.0)), subtype="FLOAT")
    informed = plan(inspect(source), preset).chain
    alone = aural.Chain(tuple(map(measuring, informed.stages)))
    assert informed.passes < alone.passes
    audio, rate = read(source)
    np.testing.assert_array_equal(informed(audio, rate), alone(audio, rate))
