"""Listening tests in a browser, from the first click to the saved answers."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import DESKTOP, PHONE, check_access, in_browser, opened, until
from recordings import voice, write

from aural.audio.files import read
from aural.errors import AudioError, ParameterError
from aural.listening.making import ANCHORS, ListeningTest, low_pass, low_passed
from aural.listening.results import judge, read_answers
from aural.pages.sound import SAMPLE_RATE, lufs


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Make two items in three versions, at unlike loudness, sample rate and number of channels."""
    for name, gain in (("reference", 0.5), ("quiet", 0.1), ("noisy", 0.5)):
        (tmp_path / name).mkdir()
        for item, seconds in (("one", 1.0), ("two & <b>three</b>", 1.5)):
            audio = gain * voice(seconds)
            if name == "noisy":
                audio = audio + 0.02 * np.random.default_rng(0).standard_normal(audio.shape).astype(np.float32)
            write(tmp_path / name / f"{item.replace('/', ':')}.wav", audio, subtype="PCM_24")
    return [tmp_path / name for name in ("reference", "quiet", "noisy")]


def data_of(page: Path) -> dict[str, Any]:
    text = page.read_text("utf-8")
    start = text.index('id="data">') + len('id="data">')
    return json.loads(text[start : text.index("</script>", start)])  # type: ignore[no-any-return]


def saved(page: Any, path: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the answers").click()
    download.value.save_as(path)
    return path


def begin(page: Any, listener: str) -> None:
    page.get_by_label("Your name or number").fill(listener)
    page.get_by_role("button", name="Begin").click()


def hear(page: Any, keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
        until(page, f"player.playing && player.chosen === '{key.upper()}'")


SAME = """([one, other]) => {
  const [data, same] = [one, other].map((name) => player.versions.get(name).buffer.getChannelData(0));
  return data.every((value, n) => value === same[n]);
}"""


BIT = 1 / 32768


def test_all_versions_are_equally_loud_and_without_loss(folders: list[Path], tmp_path: Path) -> None:
    ListeningTest().write(folders[0], folders[1:], tmp_path / "test.html")
    item, _ = data_of(tmp_path / "test.html")["items"]
    assert set(item["clips"]) == {"reference", "quiet", "noisy", *ANCHORS}
    levels, sounds = {}, {}
    for name, clip in item["clips"].items():
        (tmp_path / f"{name}.flac").write_bytes(base64.b64decode(clip))
        sounds[name], rate = read(tmp_path / f"{name}.flac")
        assert (rate, sounds[name].shape) == (SAMPLE_RATE, (1, SAMPLE_RATE))
        levels[name] = lufs(sounds[name])
    assert levels["reference"] == pytest.approx(levels["quiet"], abs=0.1)
    assert levels["reference"] == pytest.approx(levels["noisy"], abs=0.1)
    assert levels["reference"] == pytest.approx(-23, abs=0.1)
    np.testing.assert_allclose(sounds["reference"], sounds["quiet"], atol=3 * BIT)
    for name, hz in ANCHORS.items():
        np.testing.assert_allclose(sounds[name], low_passed(sounds["reference"], hz), atol=4 * BIT)


def test_peaks_have_room_where_an_item_is_quiet_for_them(tmp_path: Path) -> None:
    click = np.zeros((1, SAMPLE_RATE), np.float32)
    click[0, ::12000] = 0.1
    names = [write(tmp_path / f"{name}.wav", click, subtype="PCM_24") for name in ("reference", "a")]
    ListeningTest().write(names[0], names[1:], tmp_path / "test.html")
    (item,) = data_of(tmp_path / "test.html")["items"]
    (tmp_path / "a.flac").write_bytes(base64.b64decode(item["clips"]["a"]))
    assert np.abs(read(tmp_path / "a.flac")[0]).max() == pytest.approx(10 ** (-1 / 20), abs=2 * BIT)


def test_a_brief_test_holds_the_middle_of_three_items_or_of_more_below_3_mb(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    files: dict[str, dict[str, Path]] = {}
    for n in range(8):
        audio = 0.01 * rng.standard_normal((1, 6 * SAMPLE_RATE))
        audio[:, SAMPLE_RATE:-SAMPLE_RATE] *= 5
        file = write(tmp_path / f"{n}.flac", audio)
        files[str(n)] = dict.fromkeys(("reference", *(f"{number}" for number in range(7 * (n > 0)))), file)
    test = ListeningTest(kind="ab")
    assert test.write_brief(files, tmp_path / "t.html") == ["0", "1", "2"]
    assert (tmp_path / "t.html").stat().st_size > 3e6
    (tmp_path / "c.flac").write_bytes(
        base64.b64decode(data_of(tmp_path / "t.html")["items"][0]["clips"]["reference"])
    )
    heard, _ = read(tmp_path / "c.flac")
    assert heard.shape == (1, 4 * SAMPLE_RATE)
    assert [float(heard[0, part].std()) for part in (slice(0, 4800), slice(-4800, None))] == pytest.approx(
        [float(heard.std())] * 2, rel=0.1
    )
    brief = {name: {"reference": versions["reference"]} for name, versions in files.items()}
    held = test.write_brief(brief, tmp_path / "t.html", replace=True)
    assert held == ["0", "1", "2", "3", "4", "5", "6"]
    assert (tmp_path / "t.html").stat().st_size < 3.1e6


@pytest.mark.parametrize("hz", ANCHORS.values())
def test_anchors_end_where_the_recommendation_says(hz: float) -> None:
    response_db = 20 * np.log10(np.abs(np.fft.rfft(low_pass(hz), 1 << 16)) + 1e-9)
    at_hz = np.fft.rfftfreq(1 << 16, 1 / SAMPLE_RATE)
    assert np.abs(response_db[at_hz <= hz]).max() < 0.1
    assert response_db[at_hz >= hz * 4 / 3.5].max() < -25
    assert response_db[at_hz >= hz * 4.5 / 3.5].max() < -50


def test_an_anchor_is_in_time() -> None:
    click = np.zeros((1, 4800), np.float32)
    click[0, 2400] = 1
    assert int(low_passed(click, 3500.0).argmax()) == 2400


@in_browser
@pytest.mark.parametrize("settings", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_rating_from_the_first_click_to_the_answers(
    folders: list[Path], tmp_path: Path, settings: dict[str, Any]
) -> None:
    ListeningTest(seed=3).write(folders[0], folders[1:], tmp_path / "test.html")
    with opened(tmp_path / "test.html", **settings) as page:
        check_access(page)
        begin(page, 'Ann <script>alert(1)</script> "B"')
        for _ in range(2):
            page.get_by_role("slider").first.wait_for()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            next_one = page.get_by_role("button", name="Next")
            assert next_one.is_disabled()
            page.keyboard.press("r")
            until(page, "player.playing && player.chosen === 'Reference'")
            for n in range(1, 6):
                page.keyboard.press(str(n))
                assert page.evaluate("player.chosen") == str(n)
                rating = 100 if page.evaluate(SAME, [str(n), "Reference"]) else 10 * n
                page.get_by_label(f"Version {n}", exact=True).fill(str(rating))
            page.get_by_label("Version 5", exact=True).fill("50")
            assert page.get_by_label("Version 5", exact=True).get_attribute("aria-valuetext") == "50 fair"
            page.get_by_label("Version 5", exact=True).fill(str(rating))
            page.fill("#from", "0.25")
            page.fill("#to", "0.75")
            page.keyboard.press("Tab")
            assert page.evaluate("player.loop") == [0.25, 0.75]
            check_access(page)
            next_one.click()
        page.get_by_role("heading", name="Thank you").wait_for()
        path = saved(page, tmp_path / "ann.json")
    answers = json.loads(path.read_text())["answers"]
    assert sorted(answer["item"] for answer in answers) == ["one", "two & <b>three<:b>"]
    for answer in answers:
        assert len(set(answer["scores"].values())) == 5
        assert answer["scores"]["reference"] == 100
        assert set(answer["scores"]) == {"reference", "quiet", "noisy", *ANCHORS}
    (read_again,) = read_answers([path])
    assert read_again.listener == 'Ann <script>alert(1)</script> "B"'


@in_browser
def test_the_order_follows_from_seed_and_listener(folders: list[Path], tmp_path: Path) -> None:
    orders = []
    for seed, listener in ((1, "Ann"), (1, "Ann"), (1, "Bob"), (2, "Ann")):
        ListeningTest(kind="ab", trials=4, seed=seed).write(
            folders[0], folders[1:], tmp_path / "t.html", replace=True
        )
        with opened(tmp_path / "t.html") as page:
            begin(page, listener)
            for n in range(1, 9):
                page.get_by_role("heading", name=f"{n} of 8").wait_for()
                hear(page, "ab")
                page.get_by_role("button", name="I prefer A").click()
            answers = json.loads(saved(page, tmp_path / "a.json").read_text())["answers"]
        orders.append([(answer["item"], answer["preferred"]) for answer in answers])
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert orders[0] != orders[3]
    assert {preferred for _, preferred in orders[0]} == {"quiet", "noisy"}


@in_browser
def test_x_is_what_it_was_told_to_be(folders: list[Path], tmp_path: Path) -> None:
    """Answer by the sound itself: what X plays must be what A or B plays."""
    ListeningTest(kind="abx", trials=3).write(folders[0], folders[2:], tmp_path / "t.html")
    is_a = []
    with opened(tmp_path / "t.html") as page:
        begin(page, "Ann")
        for n in range(1, 7):
            page.get_by_role("heading", name=f"{n} of 6").wait_for()
            check_access(page)
            hear(page, "ab")
            assert page.get_by_role("button", name="X is A").is_disabled()
            hear(page, "x")
            is_a.append(page.evaluate(SAME, ["X", "A"]))
            page.get_by_role("button", name="X is A" if is_a[-1] else "X is B").click()
        answers = read_answers([saved(page, tmp_path / "a.json")])
    (row,) = judge(answers).rows
    assert (row.name, row.count, row.value) == ("reference against noisy", 6, 1.0)
    assert set(is_a) == {True, False}
    assert row.p == pytest.approx(0.5**6)


NEARER = """() => {
  const data = (name) => player.versions.get(name).buffer.getChannelData(0);
  const away = (name) => data(name).reduce((sum, value, n) => sum + Math.abs(value - data("Reference")[n]), 0);
  return away("A") < away("B") ? "A" : "B";
}"""


@in_browser
def test_what_is_preferred_is_what_was_heard(folders: list[Path], tmp_path: Path) -> None:
    ListeningTest(kind="ab", trials=3).write(folders[0], folders[1:], tmp_path / "t.html")
    nearer = []
    with opened(tmp_path / "t.html") as page:
        begin(page, "Ann")
        for n in range(1, 7):
            page.get_by_role("heading", name=f"{n} of 6").wait_for()
            hear(page, "ab")
            nearer.append(page.evaluate(NEARER))
            page.get_by_role("button", name=f"I prefer {nearer[-1]}").click()
        answers = json.loads(saved(page, tmp_path / "a.json").read_text())["answers"]
    assert [answer["preferred"] for answer in answers] == ["quiet"] * 6
    assert set(nearer) == {"A", "B"}


def test_refused(folders: list[Path], tmp_path: Path) -> None:
    reference, quiet, noisy = folders
    long = write(tmp_path / "long.wav", np.tile(voice(1.0), 61))
    short = write(tmp_path / "short.wav", voice(0.5))
    one = reference / "one.wav"
    page = tmp_path / "t.html"
    for others, why in (
        ([], "at least one more"),
        ([long], "lasts 61 s; a listening test takes 60 s at most"),
        ([short], "lasts 0.50 s, but the reference 1.00 s"),
        ([one, quiet / "one.wav"], "two versions are called one"),
        ([tmp_path / "none.wav"], "no such file"),
    ):
        with pytest.raises(AudioError, match=why):
            ListeningTest().write(one, others, page)
    with pytest.raises(AudioError, match="at least two more"):
        ListeningTest(kind="ab").write(one, [short], page)
    with pytest.raises(AudioError, match="is no folder"):
        ListeningTest().write(reference, [short], page)
    (noisy / "one.wav").unlink()
    with pytest.raises(AudioError, match="holds 0 recordings called one"):
        ListeningTest().write(reference, [noisy], page)
    with pytest.raises(ParameterError, match="trials"):
        ListeningTest(trials=3)
    with pytest.raises(AudioError, match=r"ends in \.html"):
        ListeningTest().write(reference, [quiet], tmp_path / "t.htm")
    assert not page.exists()


def test_an_existing_page_is_kept(folders: list[Path], tmp_path: Path) -> None:
    (tmp_path / "t.html").write_text("mine")
    with pytest.raises(AudioError, match="exists already"):
        ListeningTest().write(folders[0], folders[1:], tmp_path / "t.html")
    assert (tmp_path / "t.html").read_text() == "mine"
