"""What noise reduction is judged by: pairs by name, mixtures by seed, conditions that do what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recordings import CORPUS, needs_corpus, voice, write

from aural.degrade import active_db
from aural.errors import AudioError, ParameterError, WeightsError
from aural.learning import weights
from aural.learning.evaluation import Sample, System, judge, unchanged
from aural.learning.material import find
from aural.learning.metrics.speech import SPEECH
from aural.learning.pairs import matched
from aural.learning.report import Report, Table
from aural.signals import Block
from aural.stages.noise_reduction.conditions import ALL, CLEAN, ROOM, WITH, WITHOUT, labels
from aural.stages.noise_reduction.engines.compact.engine import CompactEngine
from aural.stages.noise_reduction.evaluate import NoiseReductionEvaluation, pair
from aural.stages.noise_reduction.stage import NoiseReduction

RATE = 48000
SI_SDR = next(metric for metric in SPEECH if metric.name == "SI-SDR")


class Quick(NoiseReductionEvaluation):
    """Without DNSMOS, which takes most of the time."""

    metrics = tuple(metric for metric in SPEECH if metric.name != "DNSMOS")


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NoiseReductionEvaluation:
    """Two speakers, noises of two kinds, a room."""
    monkeypatch.setenv("AURAL_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for number, name in enumerate(("ann", "bob")):
        for take in range(2):
            write(folder(tmp_path / "speech" / name) / f"{take}.wav", np.roll(voice(1.0), 999 * number + take))
    for kind in ("hiss", "street"):
        hiss = 0.1 * rng.standard_normal((1, RATE)).astype(np.float32)
        write(folder(tmp_path / "noise" / kind) / "0.wav", hiss)
    decay = rng.standard_normal(RATE // 4) * np.exp(-np.arange(RATE // 4) / 4000) * 0.1
    decay[100] = 1
    write(folder(tmp_path / "ir" / "hall") / "0.wav", decay[np.newaxis].astype(np.float32), subtype="FLOAT")
    return NoiseReductionEvaluation(
        speech=(str(tmp_path / "speech"),),
        noise=str(tmp_path / "noise"),
        part="all",
        pairs=2,
        snr_db=(5.0,),
        clip_s=1.5,
    )


def folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def samples(evaluation: NoiseReductionEvaluation) -> dict[str, Sample]:
    return {case.name: case.load() for case in evaluation.cases()}


def test_every_engine_is_judged(corpus: NoiseReductionEvaluation) -> None:
    assert list(corpus.systems()) == ["input", *(engine.name for engine in NoiseReduction.engines)]


def test_a_network_of_ones_own_training_is_judged(corpus: NoiseReductionEvaluation, tmp_path: Path) -> None:
    state, about = weights.load(CompactEngine.shipped())
    deaf = {name: torch.zeros_like(value) for name, value in state.items()}
    path = str(weights.save(deaf, tmp_path, "compact", about))
    judged = replace(corpus, network=(path,))
    systems = judged.systems()
    assert list(systems) == [*corpus.systems(), Path(path).stem]
    sample = judged.cases()[0].load()
    assert not np.allclose(systems[Path(path).stem](sample), systems["compact"](sample))
    with pytest.raises(ParameterError, match="two systems are called"):
        replace(corpus, network=(path, path))
    stranger = weights.save(state, tmp_path, "envelope", {})
    with pytest.raises(WeightsError, match="none of the networks of noise reduction, compact and unet"):
        replace(corpus, network=(str(stranger),))


def samples_of(mixed: Mapping[str, Sample], condition: str) -> list[Sample]:
    """Return the mixtures of one condition, in the order of the voices."""
    return [sample for sample in mixed.values() if condition in (sample.labels.get(WITH), sample.labels.get(WITHOUT))]


def gap_db(sample: Sample) -> float:
    """Measure how far what is to stay lies above the rest."""
    target = np.asarray(sample.target)
    rest = (sample.input - target)[0]
    return active_db(target[0], RATE) - active_db(rest, RATE)


def test_mixtures_are_what_their_labels_say(corpus: NoiseReductionEvaluation) -> None:
    mixed = samples(replace(corpus, snr_db=(0.0, 7.5)))
    assert len(mixed) == 2 * (2 + 1 + 8)
    for name, sample in mixed.items():
        assert sample.input.shape == sample.target.shape == (1, 1.5 * sample.sample_rate)
        whole = sample.labels.get(WITHOUT) != "sampled at 16 kHz"
        assert sample.sample_rate == (RATE if whole else 16000)
        level_db = active_db(np.asarray(sample.target)[0], sample.sample_rate)
        assert level_db == pytest.approx(-26, abs=0.01 if whole else 0.5)  # nothing above 8 kHz
        assert (WITH in sample.labels) == ("noise" in sample.labels) == (WITHOUT not in sample.labels)
        assert sample.labels.get("noise", sample.name.partition("/")[0]) in name
    for ratio in (0.0, 7.5):
        plain, coloured = samples_of(mixed, f"{ratio:g} dB")
        assert gap_db(plain) == pytest.approx(ratio, abs=0.1)
        assert gap_db(coloured) == pytest.approx(ratio, abs=6)  # mixed by another microphone
    assert {sample.labels.get("noise") for sample in mixed.values()} == {"hiss", "street", None}


@pytest.mark.parametrize(
    "condition",
    [CLEAN, "another microphone", "up to 8 kHz", "sampled at 16 kHz", "floor of -75 to -56 dBFS, which stays"],
)
def test_what_belongs_to_a_recording_is_to_stay(corpus: NoiseReductionEvaluation, condition: str) -> None:
    mixed = samples(corpus)
    for sample, clean in zip(samples_of(mixed, condition), samples_of(mixed, CLEAN), strict=True):
        assert np.array_equal(sample.input, sample.target)
        assert np.array_equal(sample.input, clean.input) == (condition == CLEAN)


def test_harms_that_are_no_noise(corpus: NoiseReductionEvaluation) -> None:
    mixed = samples(corpus)
    for sample in samples_of(mixed, "floor of -56 to -40 dBFS, which may go"):
        assert 14 <= gap_db(sample) <= 30.2
    for sample in samples_of(mixed, "clipped"):
        peak = np.abs(sample.input).max()
        assert 4 <= 20 * np.log10(np.abs(sample.target).max() / peak) <= 15
        loud = np.abs(sample.target) > peak
        np.testing.assert_allclose(np.abs(sample.input[loud]), peak, rtol=1e-5)
        np.testing.assert_allclose(sample.input[~loud], sample.target[~loud], atol=1e-6)
    for sample in samples_of(mixed, "through a codec"):
        assert 3 < gap_db(sample) < 60
    assert all(gap_db(sample) < 12 for sample in samples_of(mixed, ALL))


def test_the_same_voice_and_noise_at_every_snr(corpus: NoiseReductionEvaluation) -> None:
    mixed = samples(replace(corpus, snr_db=(0.0, 20.0)))
    first, second, clean = (samples_of(mixed, name)[0] for name in ("0 dB", "20 dB", CLEAN))
    assert np.array_equal(first.target, second.target)
    assert np.array_equal(first.target, clean.input)
    noises = [sample.input - np.asarray(sample.target) for sample in (first, second)]
    assert noises[1] == pytest.approx(noises[0] / 10, abs=1e-6)


def test_a_seed_gives_the_same_and_another_others(corpus: NoiseReductionEvaluation) -> None:
    drawn = [samples(replace(corpus, seed=seed)) for seed in (1, 1, 2)]
    mixed = [np.concatenate([sample.input for sample in mixed.values()], axis=-1) for mixed in drawn]
    assert list(drawn[0]) == list(drawn[1])
    assert np.array_equal(mixed[0], mixed[1])
    assert not np.array_equal(mixed[0], mixed[2])


def test_several_jobs_give_the_same(corpus: NoiseReductionEvaluation) -> None:
    one, two = (list(judge(corpus.cases(), {"input": unchanged}, [SI_SDR], jobs)) for jobs in (1, 2))
    assert len(one) == len(two) == 2 * (1 + 1 + 8)
    for alone, beside in zip(one, two, strict=True):
        for here, there in zip(alone.scores, beside.scores, strict=True):
            assert (here.name, here.system, here.labels) == (there.name, there.system, there.labels)
            assert here.values == pytest.approx(there.values)


def test_speakers_come_in_turn(corpus: NoiseReductionEvaluation) -> None:
    names = [case.name for case in replace(corpus, pairs=4).cases() if case.name.startswith("clipped")]
    assert [name.split("-")[1] for name in names] in (["ann", "bob"] * 2, ["bob", "ann"] * 2)


def test_sets_of_voices_come_in_turn(corpus: NoiseReductionEvaluation, tmp_path: Path) -> None:
    write(folder(tmp_path / "phone" / "eve") / "0.wav", voice(1.0))
    both = replace(corpus, pairs=4, speech=(*corpus.speech, str(tmp_path / "phone")))
    mixed = samples(both)
    kept = [sample.labels["nothing wrong, by voices"] for sample in samples_of(mixed, CLEAN)]
    assert kept == ["speech", "phone"] * 2
    assert [sample.labels["with noise, by voices"] for sample in samples_of(mixed, "5 dB")] == kept
    assert not any("by voices" in title for sample in samples(corpus).values() for title in sample.labels)


def test_rooms(corpus: NoiseReductionEvaluation, tmp_path: Path) -> None:
    roomy = replace(corpus, ir=str(tmp_path / "ir"))
    dry, wet = (samples(evaluation) for evaluation in (replace(roomy, reference="dry"), roomy))
    there, gone, clean = (samples_of(mixed, name)[0] for mixed, name in ((wet, ROOM), (dry, ROOM), (wet, CLEAN)))
    assert np.array_equal(there.input, there.target)
    assert not np.array_equal(gone.input, gone.target)
    assert not np.array_equal(there.input, clean.input)
    assert not samples_of(samples(corpus), ROOM)


def test_only_what_is_held_out_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURAL_CACHE", str(tmp_path / "cache"))
    for kind in ("speech", "noise"):
        for name in "abcdef":
            write(folder(tmp_path / kind / (kind + name)) / "0.wav", voice(1.0))
    speech, noise = str(tmp_path / "speech"), str(tmp_path / "noise")
    names = "".join(case.name for case in NoiseReductionEvaluation(speech=(speech,), noise=noise, pairs=12).cases())
    for kind, root in (("speech", speech), ("noise", noise)):
        used = {kind + name for name in "abcdef" if kind + name in names}
        assert used == {clip.group for clip in find(root, kind, "test")}
        assert len(used) < 6


def test_noisy_voices_are_no_reference(corpus: NoiseReductionEvaluation, tmp_path: Path) -> None:
    manifest = tmp_path / "speech" / "MANIFEST.csv"
    manifest.write_text("path,speaker,snr_db\nann/0.wav,ann,20\nbob/0.wav,bob,40\n")
    assert not any("ann" in case.name for case in corpus.cases())
    manifest.write_text("path,speaker,snr_db\nann/0.wav,ann,20\n")
    with pytest.raises(AudioError, match="no voice with an SNR of 30 dB"):
        corpus.cases()


def test_saved_pairs_give_the_same_table(corpus: NoiseReductionEvaluation, tmp_path: Path) -> None:
    class Input(Quick):
        def systems(self) -> Mapping[str, System]:
            return {"input": unchanged}

    folder = tmp_path / "pairs"
    settings = {"part": "all", "pairs": 2, "clip_s": 1.5, "save_pairs": str(folder)}
    mixed = Input(speech=corpus.speech, noise=corpus.noise, **settings).run()  # type: ignore[arg-type]
    read = Input(clean=str(folder / "clean"), noisy=str(folder / "noisy")).run()
    assert not mixed.errors
    assert not read.errors
    found = [{(score.name, score.system): score.values for score in r.scores} for r in (mixed, read)]
    assert found[0].keys() == found[1].keys()
    for key, values in found[0].items():
        assert [values[m] for m in ("PESQ", "LSD")] == pytest.approx([found[1][key][m] for m in ("PESQ", "LSD")])
    assert {row.group for row in table(read, WITHOUT).rows} == {CLEAN}


def table(report: Report, title: str) -> Table:
    """Return the table of a title."""
    return next(found for found in report.tables if found.title == title)


def pairs_of(tmp_path: Path, target: Block, mixed: Block, rate: int = RATE) -> Sample:
    clean = write(folder(tmp_path / "c") / "a.wav", target, subtype="FLOAT")
    return pair("street/a", clean, write(folder(tmp_path / "n") / "a.wav", mixed, rate, "FLOAT"))


@pytest.mark.parametrize(("snr_db", "label"), [(0.4, "0 dB"), (12.4, "10 dB"), (13.0, "15 dB"), (80, CLEAN)])
def test_snr_of_a_pair_whatever_its_level(tmp_path: Path, snr_db: float, label: str) -> None:
    clean = voice(2.0)
    noise = np.random.default_rng(0).standard_normal(clean.shape).astype(np.float32)
    noise *= np.float32(10 ** ((active_db(clean[0], RATE) - active_db(noise[0], RATE) - snr_db) / 20))
    kind = None if label == CLEAN else "street"
    assert pairs_of(tmp_path, clean, 0.3 * (clean + noise)).labels == labels(label, kind)


def test_channels_that_cancel_have_an_snr(tmp_path: Path) -> None:
    clean = voice(2.0) * np.array([[1], [-1]], np.float32)
    noise = np.random.default_rng(0).standard_normal((1, clean.shape[1])).astype(np.float32)
    noise *= np.float32(10 ** ((active_db(clean[0], RATE) - active_db(noise[0], RATE) - 10) / 20))
    assert pairs_of(tmp_path, clean, clean + noise).labels == labels("10 dB", "street")


def test_a_pair_is_alike(tmp_path: Path) -> None:
    clean = voice(1.0)
    with pytest.raises(AudioError, match=r"n/a.wav: has 1 x 47999 frames at 48000 Hz, .*c/a.wav has 1 x 48000"):
        pairs_of(tmp_path, clean, clean[:, 1:])
    with pytest.raises(AudioError, match="at 44100 Hz"):
        pairs_of(tmp_path, clean, clean, 44100)
    with pytest.raises(AudioError, match="has 2 x 48000"):
        pairs_of(tmp_path, clean, np.repeat(clean, 2, axis=0))


def test_partners_are_found_by_name(tmp_path: Path) -> None:
    for path in ("clean/a.wav", "clean/in/b.wav", "noisy/a.flac", "noisy/in/b.wav"):
        write(folder((tmp_path / path).parent) / Path(path).name, voice(1.0))
    clean, noisy = tmp_path / "clean", tmp_path / "noisy"
    assert matched(str(clean), str(noisy)) == [
        ("a", clean / "a.wav", noisy / "a.flac"),
        ("in/b", clean / "in/b.wav", noisy / "in/b.wav"),
    ]
    (noisy / "in/b.wav").unlink()
    with pytest.raises(AudioError, match=r"noisy: no partner here for .*clean/in/b.wav"):
        matched(str(clean), str(noisy))
    with pytest.raises(AudioError, match=r"noisy: no partner here for .*clean/in/b.wav"):
        matched(str(noisy), str(clean))
    write(noisy / "a.wav", voice(1.0))
    with pytest.raises(AudioError, match="two recordings have one name"):
        matched(str(noisy), str(clean))


@pytest.mark.parametrize(
    "folders",
    [{}, {"clean": "a"}, {"clean": "a", "noisy": "b", "speech": ("c",)}, {"speech": ("a",), "clean": "b"},
     {"clean": "a", "noisy": "b", "speech": ("c",), "noise": "d"}],
)  # fmt: skip
def test_one_way_in(folders: dict[str, str]) -> None:
    with pytest.raises(ParameterError, match="give either clean and noisy, or speech and noise"):
        NoiseReductionEvaluation(**folders)  # type: ignore[arg-type]


def test_saved_pairs_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "noisy").mkdir()
    with pytest.raises(ParameterError, match="holds pairs already"):
        NoiseReductionEvaluation(speech=("a",), noise="b", save_pairs=str(tmp_path))


@pytest.mark.parametrize("setting", [{"save_pairs": "c"}, {"ir": "c"}, {"pairs": 3}, {"snr_db": (3.0,)}, {"seed": 1}])
def test_what_is_for_mixtures_is_refused_for_pairs(setting: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=f"{next(iter(setting))} needs speech"):
        NoiseReductionEvaluation(clean="a", noisy="b", **setting)


@pytest.mark.parametrize("snr_db", [(), (float("nan"),), (5.0, 300.0)])
def test_snr_is_checked(snr_db: tuple[float, ...]) -> None:
    with pytest.raises(ParameterError, match=r"snr_db must be (numbers, each from -30 to 60 dB|at least one number)"):
        NoiseReductionEvaluation(speech=("a",), noise="b", snr_db=snr_db)


@needs_corpus
@pytest.mark.corpus
def test_held_out_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURAL_CACHE", str(tmp_path / "cache"))
    speech, noise = str(CORPUS / "speech"), str(CORPUS / "noise")

    class Two(Quick):
        def systems(self) -> Mapping[str, System]:
            return {name: system for name, system in super().systems().items() if name in ("input", "mmse")}

    report = Two(speech=(speech,), noise=noise, pairs=2, snr_db=(10.0,), clip_s=4.0).run()
    assert not report.errors
    names = [metric.name for metric in report.metrics]
    means = {row.system: dict(zip(names, row.means, strict=True)) for row in table(report, WITH).rows}
    assert means["mmse"]["PESQ"] > means["input"]["PESQ"]
    assert means["mmse"]["SI-SDR"] > means["input"]["SI-SDR"]
