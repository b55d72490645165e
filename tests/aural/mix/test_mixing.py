"""The sum of a mix: laws, balance, what goes together, and mixes as text."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from about import bext, with_chunks
from hypothesis import given, settings
from hypothesis import strategies as st
from meters import lufs
from recordings import voice, write

from aural import AudioError, Chain, ChainError, Mix, ParameterError, Track, create, mix_files
from aural.audio.metadata import read_about
from aural.mix.mixdown import Mixed
from aural.mix.mixfile import mix_of, read_mix, write_mix
from aural.mix.summing import mean_lufs, placing, summed
from aural.signals import Block, Format
from aural.testing import SAMPLE_RATE, partition, probe

GATE, LOUDER = create("gate"), create("equaliser", gain_db=6.0)


def noise(seed: int, seconds: float = 1.0, channels: int = 1, level: float = 0.1) -> Block:
    shape = channels, round(seconds * SAMPLE_RATE)
    return (level * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def mixed(**audio: Block) -> Block:
    """Mix signals as they are."""
    return Mix(tuple(Track(name) for name in audio))(audio, SAMPLE_RATE)


def mixed_with(audio: Block, **values: float) -> Block:
    """Mix one signal with silence in two channels."""
    mix = Mix((Track("a", **values), Track("silence")))
    return mix({"a": audio, "silence": np.zeros((2, 8), np.float32)}, SAMPLE_RATE)


@pytest.mark.parametrize("channels", [1, 2])
def test_stems_sum_to_the_mixture(channels: int) -> None:
    audio = probe("voice", 2.0, channels)
    stems = create("source-separation", engine="center" if channels == 2 else "hpss")(audio, SAMPLE_RATE)
    np.testing.assert_allclose(mixed(**stems), audio, atol=1e-6)


def test_one_track_alone_is_itself_bit_for_bit() -> None:
    for channels in (1, 2, 6):
        audio = noise(0, 0.1, channels)
        np.testing.assert_array_equal(mixed(a=audio), audio)


def test_gain() -> None:
    audio = noise(1, 0.1, 2)
    np.testing.assert_allclose(mixed_with(audio, gain_db=6.0), audio * 10**0.3, rtol=1e-6)


@pytest.mark.parametrize(
    ("pan", "left_db", "right_db"),
    [(0, -3.0103, -3.0103), (-1, 0, -math.inf), (1, -math.inf, 0), (0.5, -8.3432, -0.6877)],
)
def test_mono_is_placed_by_sine_and_cosine(pan: float, left_db: float, right_db: float) -> None:
    audio = noise(2, 0.1)
    left, right = mixed_with(audio, pan=pan)
    np.testing.assert_allclose(left, audio[0] * 10 ** (left_db / 20), rtol=1e-4)
    np.testing.assert_allclose(right, audio[0] * 10 ** (right_db / 20), rtol=1e-4)


@pytest.mark.parametrize(("pan", "left", "right"), [(0, 1, 1), (-1, 1, 0), (1, 0, 1), (0.5, 0.5**0.5, 1)])
def test_stereo_falls_on_the_side_it_is_turned_away_from(pan: float, left: float, right: float) -> None:
    audio = noise(3, 0.1, 2)
    np.testing.assert_allclose(mixed_with(audio, pan=pan), audio * [[left], [right]], rtol=1e-6)


@given(st.floats(-1, 1))
def test_mono_is_equally_loud_everywhere(pan: float) -> None:
    assert np.square(placing(1, 2, pan)).sum() == pytest.approx(1)
    np.testing.assert_allclose(placing(1, 2, -pan), placing(1, 2, pan)[::-1], atol=1e-12)
    np.testing.assert_allclose(np.diag(placing(2, 2, -pan)), np.diag(placing(2, 2, pan))[::-1], atol=1e-12)


def test_mono_stays_mono_unless_panned() -> None:
    audio = {"a": noise(4, 0.1), "b": noise(5, 0.1)}
    assert mixed(**audio).shape[0] == 1
    assert Mix((Track("a"), Track("b", pan=0.1)))(audio, SAMPLE_RATE).shape[0] == 2


def test_the_mix_is_as_long_as_the_longest_and_all_begin_together() -> None:
    long, short = noise(6, 0.2), noise(7, 0.1)
    total = mixed(short=short, long=long)
    frames = short.shape[1]
    np.testing.assert_allclose(total[:, :frames], long[:, :frames] + short, atol=1e-7)
    np.testing.assert_array_equal(total[:, frames:], long[:, frames:])


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(4)))
def test_the_order_of_tracks_does_not_matter(order: list[int]) -> None:
    tracks = [Track(str(n), gain_db=n - 2.0, pan=n / 4) for n in range(4)]
    audio = {str(n): noise(n, 0.05 + 0.01 * n, 1 + n % 2) for n in range(4)}
    one, other = (Mix(tuple(t))(audio, SAMPLE_RATE) for t in (tracks, [tracks[n] for n in order]))
    np.testing.assert_allclose(one, other, atol=1e-7)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_blocks_do_not_matter(first: int, second: int) -> None:
    a, b, gains = noise(8, 0.5, 2), noise(9, 0.3, 2), placing(2, 2, 0.3)
    whole = list(summed([([a], gains), ([b], gains)]))
    parts = list(summed([(partition(a, first), gains), (partition(b, second), gains)]))
    np.testing.assert_array_equal(np.concatenate(whole, axis=-1), np.concatenate(parts, axis=-1))


def test_balance_brings_all_to_one_loudness() -> None:
    pauses = noise(10, 6.0)
    pauses[:, SAMPLE_RATE : 4 * SAMPLE_RATE] = 0
    audio = {
        "mono": 0.02 * pauses,
        "stereo": noise(11, 3.0, 2),
        "side": noise(12, 3.0, 2, 0.3),
        "nothing": 0 * pauses,
    }
    tracks = Track("mono"), Track("stereo"), Track("side", gain_db=-3.0, pan=0.8), Track("nothing")
    run = Mix(tracks, balance=True).render([([x], Format(SAMPLE_RATE, len(x))) for x in audio.values()])
    alone = [Mix((track, Track("none")))({**audio, "none": np.zeros((2, 8), np.float32)}, SAMPLE_RATE)
             for track in run.mix.tracks]  # fmt: skip
    mono, stereo, side, nothing = map(lufs, alone)
    assert mono == pytest.approx(stereo, abs=0.1)
    assert side == pytest.approx(stereo - 3, abs=0.1)
    assert nothing == -math.inf
    assert run.mix.tracks[3].gain_db == 0
    assert [placed.lufs for placed in run.placed] == pytest.approx([mono, stereo, side, nothing], abs=0.01)
    assert not run.mix.balance


def test_soft_tracks_are_balanced_too() -> None:
    """Half of the soft track lies below the absolute gate of BS.1770 until it is turned up."""
    soft = noise(16, 8.0, level=0.0003)
    soft[:, 4 * SAMPLE_RATE :] *= 0.4
    audio = {"soft": soft, "loud": noise(17, 8.0)}
    run = Mix((Track("soft"), Track("loud")), balance=True).render(
        [([x], Format(SAMPLE_RATE, 1)) for x in audio.values()]
    )
    one, other = (lufs(x * 10 ** (t.gain_db / 20)) for x, t in zip(audio.values(), run.mix.tracks, strict=True))
    assert one == pytest.approx(other, abs=0.01)
    assert [placed.lufs for placed in run.placed] == pytest.approx([one, other], abs=0.01)


def test_a_gain_that_the_balance_brings_out_of_range() -> None:
    mix = Mix((Track("soft", gain_db=59.0), Track("loud")), balance=True)
    with pytest.raises(ParameterError) as error:
        mix({"soft": noise(16, level=0.001), "loud": noise(17)}, SAMPLE_RATE)
    assert str(error.value) == (
        "soft: gain_db 59 goes beyond what is allowed with the +20.0 dB of the balance: together they must be "
        "from -120 to 60 dB"
    )


def test_the_mean_of_loudnesses() -> None:
    assert mean_lufs([-20.0, -math.inf, -30.0]) == -25.0
    assert mean_lufs([-math.inf]) == 0.0


def test_chains_run_on_their_tracks_and_on_the_sum() -> None:
    audio = {"a": voice(1.0), "b": noise(13)}
    total = Mix((Track("a", Chain((LOUDER,))), Track("b")), Chain((GATE,)))(audio, SAMPLE_RATE)
    expected = GATE(LOUDER(audio["a"], SAMPLE_RATE) + audio["b"], SAMPLE_RATE)
    np.testing.assert_allclose(total, expected, atol=1e-6)


def test_what_was_measured_stands_in_the_mix_that_ran() -> None:
    audio = {"a": voice(2.0)}
    mix = Mix((Track("a", Chain((create("master"),))),), Chain((create("master", target="streaming"),)))
    run = mix.render([([audio["a"]], Format(SAMPLE_RATE, 1))])
    total = np.concatenate(list(run.blocks), axis=-1)
    assert lufs(total) == pytest.approx(-14, abs=0.1)
    np.testing.assert_array_equal(run.mix(audio, SAMPLE_RATE), total)
    assert run.mix.tracks[0].chain.ready
    assert run.mix.master.ready


def test_parameters_are_checked() -> None:
    with pytest.raises(ParameterError, match=r"bass.wav: pan must be from -1 to 1, got 2"):
        Track(Path("stems/bass.wav"), pan=2)
    with pytest.raises(ParameterError, match=r"mix: sample_rate must be from 4000"):
        Mix((Track("a"),), sample_rate=0)
    with pytest.raises(ChainError, match="at least one track"):
        Mix(())
    with pytest.raises(AudioError, match="no audio called 'a'; there is b"):
        Mix((Track("a"),))({"b": noise(0)}, SAMPLE_RATE)


def test_channels_that_do_not_go_together() -> None:
    with pytest.raises(AudioError, match="b has 6 channels, a has 2: only mono and stereo go together"):
        mixed(a=noise(0, 0.1, 2), b=noise(1, 0.1, 6))
    with pytest.raises(AudioError, match="a: has 6 channels; only 1 or 2 can be panned"):
        Mix((Track("a", pan=0.5),))({"a": noise(0, 0.1, 6)}, SAMPLE_RATE)


def files(folder: Path, *, rates: tuple[int, ...] = (SAMPLE_RATE, SAMPLE_RATE), **values: object) -> Mix:
    """Write a file of noise for each rate; return their mix."""
    paths = [write(folder / f"{n}.wav", noise(n, 0.5, 2), rate, "FLOAT") for n, rate in enumerate(rates)]
    return Mix(tuple(map(Track, paths)), **values)


def made(mix: Mix, target: Path) -> tuple[Mixed, Block]:
    done = mix_files(mix, target)
    return done, soundfile.read(target, dtype="float32", always_2d=True)[0].T


def test_rates_that_do_not_go_together(tmp_path: Path) -> None:
    mix = files(tmp_path, rates=(44100, SAMPLE_RATE))
    with pytest.raises(AudioError, match=r"0.wav is at 44100 Hz, .*1.wav at 48000: .* 48000 for instance") as error:
        mix_files(mix, tmp_path / "mix.wav")
    assert len(str(error.value).splitlines()) == 1
    assert not (tmp_path / "mix.wav").exists()


def test_a_sample_rate_that_is_asked_for(tmp_path: Path) -> None:
    time = np.arange(44100) / 44100
    low = write(tmp_path / "low.wav", 0.1 * np.sin(2 * np.pi * 1000 * time)[np.newaxis], 44100, "FLOAT")
    high = write(tmp_path / "high.wav", np.zeros((1, 24000)), SAMPLE_RATE, "FLOAT")
    done, audio = made(Mix((Track(low), Track(high)), sample_rate=SAMPLE_RATE), tmp_path / "mix.wav")
    expected = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    np.testing.assert_allclose(audio[0, 1000:-1000], expected[1000:-1000], atol=1e-4)
    assert [placed.duration_s for placed in done.placed] == [1.0, 0.5]


def test_a_chain_may_bring_a_track_to_the_rate_of_the_others(tmp_path: Path) -> None:
    low = write(tmp_path / "low.wav", voice(1.0)[:, ::3], 16000)
    high = write(tmp_path / "high.wav", voice(1.0))
    raised = Chain((create("frequency-expansion", engine="classical"),))
    with pytest.raises(AudioError, match="tracks are resampled only if asked"):
        mix_files(Mix((Track(low), Track(high))), tmp_path / "mix.wav")
    done, _ = made(Mix((Track(low, raised), Track(high))), tmp_path / "mix.wav")
    assert done.format == Format(SAMPLE_RATE, 1)


def test_depth_and_common_tags_are_kept(tmp_path: Path) -> None:
    for name, subtype in (("a", "PCM_16"), ("b", "PCM_24")):
        with soundfile.SoundFile(tmp_path / f"{name}.flac", "w", SAMPLE_RATE, 1, subtype) as file:
            file.title, file.artist = name, "Someone"
            file.write(voice(0.5).T)
    mix_files(mix_of([tmp_path]), tmp_path / "mix.flac")
    with soundfile.SoundFile(tmp_path / "mix.flac") as file:
        assert (file.subtype, file.artist, file.title) == ("PCM_24", "Someone", "")


def test_a_track_may_start_later() -> None:
    audio = {"a": noise(18, 1.0), "b": noise(19, 2.0, 2)}
    total = Mix((Track("a", start_s=1.5), Track("b")))(audio, SAMPLE_RATE)
    frames = round(1.5 * SAMPLE_RATE)
    assert total.shape == (2, frames + SAMPLE_RATE)
    np.testing.assert_array_equal(total[:, :frames], audio["b"][:, :frames])
    sides = np.tile(audio["a"] * 0.5**0.5, (2, 1))
    np.testing.assert_allclose(total[:, 2 * SAMPLE_RATE :], sides[:, SAMPLE_RATE // 2 :], atol=1e-7)
    run = Mix((Track("a", start_s=1.5),)).render([([audio["a"]], Format(SAMPLE_RATE, 1))])
    assert run.placed[0].duration_s == 1.0
    with pytest.raises(ParameterError, match="a: start_s must be from 0 to 86400 s, got -1"):
        Track("a", start_s=-1.0)


def test_a_track_makes_room_from_the_start_of_the_other_on() -> None:
    audio = {"voice": noise(20, 1.0), "music": np.full((1, 4 * SAMPLE_RATE), 0.1, np.float32)}
    tracks = (Track("voice", start_s=2.0, gain_db=-120), Track("music", under=("voice",), duck_hold_ms=0.0))
    music = Mix(tracks)(audio, SAMPLE_RATE)[0] / 0.1
    assert music[SAMPLE_RATE] == pytest.approx(1)
    assert 20 * np.log10(music[round(2.5 * SAMPLE_RATE)]) == pytest.approx(-12, abs=0.1)


def recorded(folder: Path, *references: int | None) -> list[Path]:
    """Write a file for each time reference, at 48 and at 24 kHz by turns."""
    paths = []
    for number, reference in enumerate(references):
        rate = SAMPLE_RATE // (1 + number % 2)
        paths.append(write(folder / f"{number}.wav", noise(number, 1.0)[:, :rate], rate))
        if reference is not None:
            with_chunks(paths[-1], (b"bext", bext(time_reference=reference)))
    return paths


def test_tracks_that_were_recorded_at_other_times(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one, two, three = recorded(tmp_path, 480_000, 288_000, None)
    mix_files(Mix((Track(one), Track(two), Track(three)), sample_rate=SAMPLE_RATE), tmp_path / "mix.wav")
    assert caplog.messages == [
        f"{two}: recorded 2 s after {one} by their time references, but both start together; "
        "a start of 2 s sets it right"
    ]
    assert "time_reference" not in read_about(tmp_path / "mix.wav").tags
    caplog.clear()
    mix_files(Mix((Track(one), Track(two, start_s=2.0)), sample_rate=SAMPLE_RATE), tmp_path / "again.wav")
    assert caplog.messages == []
    assert read_about(tmp_path / "again.wav").time_reference == 480_000


def test_the_time_reference_that_all_tracks_have_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one, two = recorded(tmp_path, 480_000, 240_000)
    mix_files(Mix((Track(one), Track(two)), sample_rate=96000), tmp_path / "mix.wav")
    about = read_about(tmp_path / "mix.wav")
    assert dict(about.chunks)[b"bext"][:256].rstrip(b"\0") == b"A take"
    assert about.time_reference == 960_000
    assert caplog.messages == []


def test_a_name_that_is_no_utf8_cannot_be_saved(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.wav"))
    path.write_bytes(write(tmp_path / "a.wav", noise(0, 0.1)).read_bytes())
    mix = Mix((Track(tmp_path / "a.wav"), Track(path)))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ChainError, match=r"^bad\udcff.wav: the name is no UTF-8, and no TOML file can hold it"):
        mix_files(mix, tmp_path / "mix.wav", save_mix=tmp_path / "mix.toml")
    assert sorted(tmp_path.iterdir()) == before
    mix_files(mix, tmp_path / "mix.wav")


def test_beyond_full_scale_nothing_is_clipped(tmp_path: Path) -> None:
    path = write(tmp_path / "loud.wav", np.full((1, 9600), 0.9), subtype="PCM_24")
    twice = Mix((Track(path), Track(path)))
    done, audio = made(twice, tmp_path / "mix.wav")
    assert done.over_db == pytest.approx(20 * math.log10(1.8), abs=1e-3)
    np.testing.assert_allclose(audio, 1.8, rtol=1e-6)
    with pytest.raises(AudioError, match=r"mix.flac: the mix goes 5.1 dB beyond full scale, which flac cannot hold"):
        mix_files(twice, tmp_path / "mix.flac")
    assert not (tmp_path / "mix.flac").exists()


def test_an_error_within_a_chain_names_the_track(tmp_path: Path) -> None:
    path = write(tmp_path / "wide.wav", noise(0, 0.2, 4))
    split = tmp_path / "split.toml"
    split.write_text(
        '[[track]]\nfile = "wide.wav"\n[[track.stage]]\nuse = "split"\n'
        'separator = { use = "source-separation", engine = "center" }\n'
    )
    with pytest.raises(AudioError, match=f"{path}: source-separation: engine center takes 1 or 2 channels"):
        mix_files(read_mix(split), tmp_path / "mix.wav")


def test_there_and_back(tmp_path: Path) -> None:
    mix = Mix(
        (
            Track(tmp_path / "a.wav", Chain((create("gate"), create("de-esser")), mix=0.5), gain_db=-3.5),
            Track(tmp_path / "below" / "b.wav", pan=0.25, start_s=1.5),
        ),
        Chain((create("master", gain_db=2.0),)),
        balance=True,
        sample_rate=44100,
    )
    text = write_mix(mix, tmp_path)
    assert 'file = "below/b.wav"' in text
    (tmp_path / "song.toml").write_text(text)
    assert read_mix(tmp_path / "song.toml") == mix
    assert mix_of([tmp_path / "song.toml"]) == mix


def test_the_example_of_the_docstring_is_read(tmp_path: Path) -> None:
    import aural.mix.mixfile

    assert aural.mix.mixfile.__doc__
    (tmp_path / "song.toml").write_text(aural.mix.mixfile.__doc__.partition("\n\n")[2])
    mix = read_mix(tmp_path / "song.toml")
    assert [track.file.name for track in mix.tracks] == ["vocals.wav", "guitar.wav"]
    assert [stage.name for stage in (*mix.tracks[0].chain.stages, *mix.master.stages)] == ["de-esser", "master"]
    assert (mix.balance, mix.tracks[0].gain_db, mix.tracks[1].pan) == (True, 2.0, -0.4)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a mix is a list of [[track]] tables, each with file = the name of a recording"),
        ("track = []", "a mix needs at least one track"),
        ("[[track]]\ngain_db = 1", 'track 1: says no file = "name of a recording"'),
        ('[[track]]\nfile = "a"\n[[track]]\nfile = "b"\ngian_db = 1',
         "track 2: no entry called 'gian_db' in a track; did you mean 'gain_db'?"),
        ('[[track]]\nfile = "a.wav"\ngain_db = "loud"', "track 1: a.wav: gain_db must be from -120 to 60 dB"),
        ('[[track]]\nfile = "a.wav"\n[[track.stage]]\nuse = "mastr"',
         "track 1: a.wav: stage 1: no stage called 'mastr'"),
        ('balence = true\n[[track]]\nfile = "a"', "no entry called 'balence' in a mix file; did you mean 'balance'?"),
        ('balance = 1\n[[track]]\nfile = "a"', "mix: balance must be a bool, got 1"),
        ('[[track]]\nfile = "a"\n[[stage]]\nuse = "mastr"',
         "stage 1: no stage called 'mastr'; did you mean 'master'?"),
        ("track = ", "is no TOML: invalid value"),
    ],
)  # fmt: skip
def test_mistakes_get_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "song.toml"
    path.write_text(text)
    with pytest.raises(ChainError, match=re.escape(sentence)) as error:
        read_mix(path)
    assert str(error.value).startswith(f"{path}: ")
    assert len(str(error.value).splitlines()) == 1


def test_a_folder_is_mixed_in_order_of_names(tmp_path: Path) -> None:
    for name in ("b.wav", "a.FLAC", "._b.wav", "notes.txt"):
        (tmp_path / name).touch()
    assert [track.file.name for track in mix_of([tmp_path]).tracks] == ["a.FLAC", "b.wav"]
    with pytest.raises(ChainError, match="is a mix file, which names all its tracks"):
        mix_of([tmp_path, tmp_path / "song.toml"])


def test_a_single_effect_is_a_chain() -> None:
    audio = probe("voice", 1.0)
    plain = Mix((Track("a", chain=create("gate")),), create("equaliser", gain_db=-3.0))  # type: ignore[arg-type]
    assert plain == Mix((Track("a", chain=Chain((create("gate"),))),), Chain((create("equaliser", gain_db=-3.0),)))
    assert plain({"a": audio}, 48000).shape == audio.shape
