"""`aural clean --report`: what lies there afterwards, and the index of many."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from browser import DESKTOP, PHONE, check_access, in_browser, opened, until
from recordings import invoke, voice, write

import aural

CHAIN = '[[stage]]\nuse = "master"\ntarget = "podcast"\n'


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    (tmp_path / "my.toml").write_text(CHAIN)
    return tmp_path / "my.toml"


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_one_file(tmp_path: Path, chain: Path) -> None:
    path = write(tmp_path / "a.wav", voice(1.0))
    code, out, err = invoke("clean", path, "-p", chain, "--report")
    assert (code, err) == (0, "")
    assert f"report {tmp_path / 'a_clean.html'}\n" in out
    assert names(tmp_path) == ["a.wav", "a_clean.html", "a_clean.wav", "my.toml"]


def test_an_existing_report_is_kept(tmp_path: Path, chain: Path) -> None:
    path = write(tmp_path / "a.wav", voice(1.0))
    (tmp_path / "a_clean.html").write_text("mine")
    code, _, err = invoke("clean", path, "-p", chain, "--report")
    assert code == 2
    assert "a_clean.html: exists already; use -f" in err
    assert (tmp_path / "a_clean.html").read_text() == "mine"
    assert not (tmp_path / "a_clean.wav").exists()
    assert invoke("clean", path, "-p", chain, "--report", "-f")[0] == 0
    assert "mine" not in (tmp_path / "a_clean.html").read_text()


def test_a_dry_run_writes_no_page(tmp_path: Path, chain: Path) -> None:
    paths = [write(tmp_path / name, voice(1.0)) for name in ("a.wav", "b.wav")]
    assert invoke("clean", *paths, "-p", chain, "--report", "-n")[0] == 0
    assert names(tmp_path) == ["a.wav", "b.wav", "my.toml"]


def test_standard_output_has_no_report(tmp_path: Path, chain: Path) -> None:
    path = write(tmp_path / "a.wav", voice(1.0))
    code, _, err = invoke("clean", path, "-o", "-", "-p", chain, "--report")
    assert (code, err) == (2, "aural: --report needs a file as output\n")


def test_json_holds_what_the_page_shows(tmp_path: Path, chain: Path) -> None:
    path = write(tmp_path / "a.wav", voice(1.0))
    shown = json.loads(invoke("clean", path, "-p", chain, "--report", "--json")[1])["report"]
    assert shown["found"]
    assert shown["done"][0]["name"] == "master"
    assert len(shown["courses"]["after"]["loudness_lufs"]) == 50
    assert shown["chain"].startswith("[[stage]]")


def test_an_existing_index_is_kept_and_nothing_is_begun(tmp_path: Path, chain: Path) -> None:
    paths = [write(tmp_path / name, voice(1.0)) for name in ("a.wav", "b.wav")]
    (tmp_path / "index.html").write_text("mine")
    code, _, err = invoke("clean", *paths, "-p", chain, "--report")
    assert code == 2
    assert "index.html: exists already; use -f" in err
    assert names(tmp_path) == ["a.wav", "b.wav", "index.html", "my.toml"]
    assert invoke("clean", *paths, "-p", chain, "--report", "--skip-existing")[0] == 0
    assert (tmp_path / "index.html").read_text() == "mine"


def test_the_index_tells_recordings_in_folders_apart_and_is_told_of(
    tmp_path: Path, chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        (tmp_path / "in" / name).mkdir(parents=True)
        write(tmp_path / "in" / name / "a.wav", voice(1.0))
    (tmp_path / "in" / "bad.wav").write_text("no recording")
    code, out, err = invoke("clean", "in", "-p", chain, "--report", "-o", "out")
    assert code == 1
    assert out.splitlines()[-2] == f"report {Path('out', 'index.html')}"
    text = (tmp_path / "out" / "index.html").read_text()
    for name in ("one", "two"):
        assert f'<a href="{name}/a_clean.html">{name}/a.wav</a>' in text
    reason = err.removeprefix(f"aural: {Path('in', 'bad.wav')}: ").strip()
    assert f"<td>failed: {reason}</td>" in text


NASTY, NASTY_CHAIN = "<img src=x onerror=alert(1)>#?%41.wav", "<b>\"'my.toml"
FAILS = "a2<img src=x onerror=alert(2)>.wav"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clean four files, of which one is no recording; return the folder of the results."""
    folder = tmp_path_factory.mktemp("many")
    (folder / NASTY_CHAIN).write_text(CHAIN)
    paths = [
        write(folder / "b.wav", 0.3 * voice(1.0)),
        write(folder / "a10.wav", voice(2.0)),
        write(folder / NASTY, 0.1 * voice(1.5)),
        folder / FAILS,
    ]
    paths[-1].write_text("no recording")
    code, _, err = invoke("clean", *paths, "-p", folder / NASTY_CHAIN, "--report", "-o", folder / "out", "-j", "2")
    assert (code, err.count("\n")) == (1, 1)
    return folder / "out"


@in_browser
@pytest.mark.parametrize("settings", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_index_of_many(many: Path, settings: dict[str, object]) -> None:
    with opened(many / "index.html", **settings) as page:
        first = "[...document.querySelectorAll('tbody th')].map(cell => cell.textContent)"
        assert page.evaluate(first) == ["b.wav", "a10.wav", NASTY, FAILS]
        page.get_by_role("button", name="recording").click()
        assert page.evaluate(first) == [NASTY, FAILS, "a10.wav", "b.wav"]
        page.get_by_role("button", name="length, s").click()
        assert page.evaluate(first) == ["b.wav", NASTY, "a10.wav", FAILS]
        page.get_by_role("button", name="loudness before, LUFS").click()
        page.get_by_role("button", name="loudness before, LUFS").click()
        assert page.evaluate(first) == ["a10.wav", "b.wav", NASTY, FAILS]
        assert "failed: " in page.inner_text("tbody")
        assert page.locator("#rows img").count() == 0
        assert page.locator("tbody tr td:nth-child(2)").all_inner_texts() == [NASTY_CHAIN] * 3 + [""]
        links = page.eval_on_selector_all("tbody a", "all => all.map(a => decodeURIComponent(a.pathname))")
        assert [Path(link).is_file() for link in links] == [True] * 3
        check_access(page)


def test_a_page_of_many_versions_stays_small_and_says_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = ["before", *(f"take-{n}" for n in range(1, 12))]
    noise = {name: write(tmp_path / f"{name}.wav", 0.1 * rng.standard_normal((2, 320_000)), 8000) for name in names}
    aural.compare(noise, tmp_path / "page.html")
    assert 1e6 < (tmp_path / "page.html").stat().st_size < 3e6
    assert "it holds one passage of 7.5 s, in which most was changed" in (tmp_path / "page.html").read_text("utf-8")


@in_browser
def test_stems_and_takes_are_played_in_place(tmp_path: Path) -> None:
    song = write(tmp_path / "song.wav", 0.5 * voice(2.0, 2))
    code, out, err = invoke("source-separation", song, tmp_path / "stems", "--engine", "center", "--report")
    assert (code, err) == (0, "")
    assert out.endswith(f"report {tmp_path / 'stems' / 'song.html'}\n")
    with opened(tmp_path / "stems" / "song.html") as page:
        assert page.locator("[data-version]").all_inner_texts() == ["Before1", "Center2", "Sides3"]
        page.keyboard.press("3")
        page.keyboard.press(" ")
        until(page, "player?.playing && player.position > 0.1 && player.chosen === 'sides'")
        assert {clip["gain_db"] for clip in page.evaluate("DATA.audio.passages[0].clips").values()} == {0}
        assert page.locator("#matched").count() == 0
        check_access(page)
    code, _, err = invoke(
        "frequency-generation", song, tmp_path / "new.wav", "--takes", 2, "--cutoff-hz", 4000, "--report"
    )
    assert (code, err) == (0, "")
    with opened(tmp_path / "new.html", **PHONE) as page:
        assert page.evaluate("NAMES") == ["before", "take-1", "take-2"]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        check_access(page)
    before = sorted(path.name for path in tmp_path.iterdir())
    code, out, err = invoke("master", song, tmp_path / "new.flac", "--report")
    assert (code, out) == (2, "")
    assert "new.html: exists already; use -f to replace it" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == before
