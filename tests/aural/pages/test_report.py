"""The report page: what it says, what it plays, and what it never does."""

from __future__ import annotations

import itertools
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from browser import DESKTOP, PHONE, check_access, chromium, in_browser, opened, samples, until
from recordings import voice, write

import aural
from aural.audio.files import read
from aural.cleaning.running import Cleaned
from aural.errors import AudioError, ParameterError
from aural.measure.loudness import LoudnessMeter
from aural.signals import Block, Format

CHAIN = """
[[stage]]
use = "noise-reduction"
engine = "mmse"
max_attenuation_db = 12.0

[[stage]]
use = "master"
target = "podcast"
"""
RATE = 48000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a report of a recording of 4 s, clipped at its loudest."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "my.toml").write_text(CHAIN)
    write(folder / "memo.wav", 0.25 * np.clip(4 * voice(4.0), -0.4, 0.4))
    return folder


@pytest.fixture(scope="module")
def done(folder: Path) -> Cleaned:
    return aural.clean(folder / "memo.wav", folder / "out.wav", str(folder / "my.toml"), report=folder / "memo.html")


def data_of(page: Path) -> dict[str, Any]:
    """Read the data of a page as a browser does."""
    text = page.read_text("utf-8")
    start = text.index('id="data">') + len('id="data">')
    return json.loads(text[start : text.index("</script>", start)])  # type: ignore[no-any-return]


def level(audio: Block) -> float:
    meter = LoudnessMeter(Format(RATE, len(audio)))
    meter.update(audio)
    return meter.compute().integrated_lufs


@in_browser
@pytest.mark.parametrize(
    "settings", [DESKTOP, PHONE, {**DESKTOP, "color_scheme": "dark"}], ids=["desktop", "phone", "dark"]
)
def test_the_page_says_what_the_terminal_says_and_can_be_used_by_all(
    done: Cleaned, folder: Path, settings: dict[str, Any]
) -> None:
    with opened(folder / "memo.html", **settings) as page:
        text = page.inner_text("body")
        for decision in done.decisions:
            assert decision.reason in text
        for finding in (
            *done.before.findings(),
            "-16.0 LUFS",
            "clipping: ",
            "max_attenuation_db 12",
            'use = "master"',
        ):
            assert finding in text
        assert "with the preset my.toml" in text
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        check_access(page)


@in_browser
def test_keys_buttons_and_marks(done: Cleaned, folder: Path) -> None:
    with opened(folder / "memo.html") as page:
        page.keyboard.press("2")
        page.keyboard.press(" ")
        until(page, "player?.playing && player.position > 0.1")
        pressed = "[...document.querySelectorAll('[aria-pressed=true]')].map(b => b.dataset.version)"
        assert page.evaluate(pressed) == ["after"]
        for key, name in (("3", "removed"), ("1", "before"), ("2", "after")):
            page.keyboard.press(key)
            assert page.evaluate("player.chosen") == name
            assert page.evaluate(pressed) == [name]
        page.keyboard.press(" ")
        until(page, "!player.playing")
        stands = page.evaluate("player.position")
        page.get_by_role("button", name="Before").click()
        assert page.evaluate("player.position") == stands
        heard = "[player.versions.get('after').now, player.versions.get('after').gain]"
        page.keyboard.press("2")
        now, gain = page.evaluate(heard)
        assert now == gain < 0.6  # the result is louder, and equally loud at first
        for check, wanted in ((False, 1.0), (True, gain)):
            page.get_by_label("equally loud").set_checked(check)
            assert page.evaluate(heard) == [wanted, gain]


@in_browser
def test_a_passage_is_repeated_that_was_chosen_in_the_waveform_or_by_its_seconds(done: Cleaned, folder: Path) -> None:
    with opened(folder / "memo.html") as page:
        box = page.locator("#wave").bounding_box()
        across = [box["x"] + 54 + share * (box["width"] - 54) for share in (0.25, 0.5)]
        page.mouse.move(across[0], box["y"] + 40)
        page.mouse.down()
        page.mouse.move(across[1], box["y"] + 40)
        page.mouse.up()
        until(page, "player?.loop")
        assert page.evaluate("player.loop") == pytest.approx([1.0, 2.0], abs=0.03)
        page.fill("#from", "0.5")
        page.fill("#to", "0.75")
        page.keyboard.press("Enter")
        until(page, "player.loop[0] === 0.5 && player.loop[1] === 0.75")
        page.click("#play")
        until(page, "player.context.currentTime - player.begun > 0.8")
        assert 0.5 <= page.evaluate("player.position") <= 0.75
        page.click("#whole")
        assert page.evaluate("player.loop") is None


SWITCHED = """async () => {
  const context = new OfflineAudioContext(1, 48000, 48000);
  const buffer = (scale) => {
    const made = context.createBuffer(1, 48000, 48000), data = made.getChannelData(0);
    for (let n = 0; n < data.length; n++) data[n] = scale * Math.sin(2 * Math.PI * 441 * n / 48000) * (1 + n) / 48000;
    return made;
  };
  const player = new Player(context);
  player.load({before: {buffer: buffer(1), gain_db: 0}, after: {buffer: buffer(-0.5), gain_db: 6}});
  player.offset = 0.25;
  player.play(0);
  player.choose("after", 0.3);
  return context.startRendering();
}"""


@in_browser
def test_switching_keeps_the_position_to_the_sample_and_does_not_click(done: Cleaned, folder: Path) -> None:
    with opened(folder / "memo.html") as page:
        (heard,) = samples(page, SWITCHED)
    n = np.arange(12000, 12000 + 30000)
    before = np.sin(2 * np.pi * 441 * n / RATE) * (1 + n) / RATE
    after = -0.5 * 10 ** (6 / 20) * before  # a switch at once would jump
    at, ramped = 14400, 14400 + 480
    np.testing.assert_allclose(heard[:at], before[:at], atol=1e-4)
    np.testing.assert_allclose(heard[ramped:30000], after[ramped:], atol=1e-4)
    steps = np.abs(np.diff(heard[at - 200 : ramped + 200])).max()
    assert steps <= np.abs(np.diff(before[: ramped + 400])).max() * 1.01


REPEATED = """async () => {
  const context = new OfflineAudioContext(1, 48000, 48000);
  const buffer = context.createBuffer(1, 48000, 48000), data = buffer.getChannelData(0);
  for (let n = 0; n < data.length; n++) data[n] = n / 48000;
  const player = new Player(context);
  player.load({before: {buffer, gain_db: 0}});
  player.offset = 0.1;
  player.repeat(0.25, 0.5);
  player.play(0);
  return context.startRendering();
}"""


STANDING = """(gone) => {
  const player = new Player({currentTime: gone});
  player.versions.set("before", {buffer: {duration: 1}});
  return Object.assign(player, {sources: [1], begun: 0, offset: 0.3, loop: [0.2, 0.5]}).position;
}"""


@in_browser
def test_what_is_repeated_begins_and_ends_where_it_was_told_to(done: Cleaned, folder: Path) -> None:
    with opened(folder / "memo.html") as page:
        (heard,) = samples(page, REPEATED)
        places = [page.evaluate(STANDING, gone) for gone in (0.0, 0.1, 0.25, 0.55)]
    np.testing.assert_allclose(heard, np.tile(np.arange(12000, 24000), 4) / RATE, atol=1e-6)
    assert places == pytest.approx([0.3, 0.4, 0.25, 0.25])


HEARD = """async ({name, matched}) => {
  const {from_s, to_s, clips} = audio.passages[0];
  const context = new OfflineAudioContext(1, Math.round((to_s - from_s) * 48000), 48000);
  const player = new Player(context);
  player.matched = matched;
  player.chosen = name;
  player.load(await decoded(context, clips));
  player.play(0);
  return context.startRendering();
}"""


@in_browser
def test_switching_does_not_change_the_loudness(done: Cleaned, folder: Path) -> None:
    with opened(folder / "memo.html") as page:
        matched, apart = (
            [level(samples(page, HEARD, {"name": name, "matched": matched})) for name in ("before", "after")]
            for matched in (True, False)
        )
    assert matched[0] == pytest.approx(matched[1], abs=0.2)
    loudness = [d.loudness.integrated_lufs for d in (done.before, done.after)]
    assert apart == pytest.approx(loudness, abs=0.2)
    assert apart[1] - apart[0] > 6


@in_browser
def test_all_versions_lie_on_each_other_to_the_sample(done: Cleaned, folder: Path) -> None:
    before, _ = read(folder / "memo.wav")
    with opened(folder / "memo.html") as page:
        decoded = {n: samples(page, HEARD, {"name": n, "matched": False})[0] for n in ("before", "after", "removed")}
    middle = before[0, RATE : 3 * RATE]
    for sound in decoded.values():
        assert len(sound) == 4 * RATE
        correlated = [np.dot(middle, sound[RATE + shift : 3 * RATE + shift]) for shift in range(-30, 31)]
        assert int(np.argmax(np.abs(correlated))) == 30


def test_the_data_is_what_the_meters_say(done: Cleaned, folder: Path) -> None:
    data = data_of(folder / "memo.html")
    assert data["target"] == {"lufs": -16.0, "dbtp": -1.0}
    peaks = [max(p for p in data["courses"][name]["true_peak_dbtp"] if p is not None) for name in ("before", "after")]
    assert peaks == pytest.approx([done.before.true_peak_dbtp, done.after.true_peak_dbtp], abs=0.11)
    clipped = [round(RATE * s) for s in data["places_s"]["clipping"]]
    before, _ = read(folder / "memo.wav")
    assert clipped
    assert all(np.abs(before[0, at - 960 : at + 960]).max() > 0.098 for at in clipped)
    assert data["marks_s"]["before"] == sorted(
        s for name, at in data["places_s"].items() if name != "breaths" for s in at
    )
    assert set(data["mended_s"]["after"]) <= set(data["marks_s"]["before"])
    assert done.shown is not None
    assert {key: done.shown[key] for key in ("courses", "places_s", "cutoff_hz", "content")} == {
        key: data[key] for key in ("courses", "places_s", "cutoff_hz", "content")
    }


def test_from_a_program(done: Cleaned, folder: Path, tmp_path: Path) -> None:
    aural.report(done, tmp_path / "again.html")
    assert data_of(tmp_path / "again.html")["courses"] == data_of(folder / "memo.html")["courses"]
    with pytest.raises(AudioError, match="exists already"):
        aural.report(done, tmp_path / "again.html")
    with pytest.raises(AudioError, match=r"ends in \.html"):
        aural.report(done, tmp_path / "again.txt")
    with pytest.raises(ParameterError, match="excerpts, full, link"):
        aural.report(done, tmp_path / "other.html", "all")
    assert [file.name for file in tmp_path.iterdir()] == ["again.html"]


@in_browser
def test_links_play_the_files_beside_the_page(done: Cleaned, folder: Path) -> None:
    aural.report(done, folder / "linked.html", "link")
    assert (folder / "linked.html").stat().st_size < 500_000
    with opened(folder / "linked.html") as page:
        assert page.eval_on_selector_all("audio", "all => all.map(a => a.getAttribute('src'))") == [
            "memo.wav",
            "out.wav",
        ]
        volumes = page.eval_on_selector_all("audio", "all => all.map(a => a.volume)")
        levels = [d.loudness.integrated_lufs for d in (done.before, done.after)]
        assert volumes == pytest.approx([10 ** ((min(levels) - level) / 20) for level in levels], abs=0.01)
        check_access(page)


@in_browser
def test_linked_files_are_found_whatever_their_name(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(CHAIN)
    source = write(tmp_path / "a#b?c%20 d.wav", voice(1.0))
    aural.clean(
        source, tmp_path / "e&f.wav", str(tmp_path / "my.toml"), report=tmp_path / "p.html", report_audio="link"
    )
    with closing(chromium().new_context()) as context:
        page = context.new_page()
        page.goto((tmp_path / "p.html").as_uri())
        page.eval_on_selector_all("audio", "all => all.forEach(a => a.load(a.preload = 'auto'))")
        until(page, "[...document.querySelectorAll('audio')].every(a => Math.abs(a.duration - 1) < 0.01)")


def test_long_recordings_hold_the_passages_that_changed_most(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(CHAIN)
    write(tmp_path / "memo.wav", np.tile(voice(4.0, 2), 10))
    aural.clean(tmp_path / "memo.wav", tmp_path / "out.wav", str(tmp_path / "my.toml"), report=tmp_path / "memo.html")
    passages = data_of(tmp_path / "memo.html")["audio"]["passages"]
    assert [round(p["to_s"] - p["from_s"], 3) for p in passages] == [10.0] * 3
    assert all(a["to_s"] <= b["from_s"] for a, b in itertools.pairwise(passages))
    assert 1e6 < (tmp_path / "memo.html").stat().st_size < 3e6


NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)> \"'&</title>\x07\u202e{{$title}}"


def tagged(path: Path) -> Path:
    """Write a recording whose title and artist are nasty."""
    with av.open(str(path), "w", format="flac") as container:
        container.metadata.update({"title": NASTY, "artist": NASTY})
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray((voice(2.0) * 32767).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@in_browser
def test_names_tags_and_chains_are_text(tmp_path: Path) -> None:
    source = tagged(tmp_path / NASTY.replace("/", ":"))
    nasty = write(tmp_path / "<script>alert(3)<!--.wav", voice(2.0))
    (tmp_path / "my.toml").write_text(f'{CHAIN}reference = "{nasty}"\n')
    done = aural.clean(source, tmp_path / "o.wav", str(tmp_path / "my.toml"), report=tmp_path / "p.html")
    with opened(tmp_path / "p.html") as page:
        text = page.inner_text("body")
        assert (
            "<script>alert(1)<:script><img src=x onerror=alert(2)> \"'&<:title>\\x07\\u202e{{$title}} -> o.wav"
            in text
        )
        assert f'reference = "{tmp_path}/<script>alert(3)<!--.wav"' in text
        assert page.title() == text.split("\n")[0]
        assert page.eval_on_selector_all("script", "all => all.length") == 2  # its data and its code
        assert page.eval_on_selector_all("img", "all => all.length") == 0
        if done.before.info and done.before.info.tags:
            assert "alert(1)</script>" in page.inner_text("table >> nth=1")


def test_the_policy_lets_nothing_in(done: Cleaned, folder: Path) -> None:
    text = (folder / "memo.html").read_text("utf-8")
    assert "default-src 'none'" in text
    assert "unsafe" not in text.split("</head>")[0].split("<style>")[0]
    assert "http:" not in text
    assert "https:" not in text


BROKEN = {
    "asks": "<img src='http://127.0.0.1:9/a.png' alt=''>",
    "fails": "<script>throw new Error('no');</script>",
    "says": "<script>console.log('so');</script>",
}


@in_browser
@pytest.mark.parametrize("broken", BROKEN)
def test_a_request_and_a_complaint_are_noticed(tmp_path: Path, broken: str) -> None:
    (tmp_path / "p.html").write_text(f"<!doctype html><title>p</title>{BROKEN[broken]}")
    with pytest.raises(AssertionError), opened(tmp_path / "p.html") as page:
        page.wait_for_timeout(100)


def test_silence_has_a_report(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", np.zeros((2, RATE), np.float32))
    done = aural.clean(tmp_path / "a.wav", tmp_path / "b.wav", report=tmp_path / "b.html")
    assert "holds nothing but silence" in (tmp_path / "b.html").read_text("utf-8")
    assert done.decisions == []


def test_nothing_is_left_where_the_report_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise AudioError("no more")

    write(tmp_path / "a.wav", voice(1.0))
    monkeypatch.setattr("aural.cleaning.reporting.compose", fails)
    with pytest.raises(AudioError, match="no more"):
        aural.clean(tmp_path / "a.wav", tmp_path / "b.wav", "song", report=tmp_path / "b.html")
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]
