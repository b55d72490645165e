"""`aural app` as people use it: with a browser, two at once, with wrong files, and with a change of mind."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import soundfile
from browser import PHONE, check_access, in_browser, until
from recordings import EXAMPLE, MAIN, invoke, voice, write

from aural import registry
from aural.chainfile import read_chain
from aural.parameters import parameters
from aural.stage import Effect

pytest.importorskip("starlette", reason='needs pip install "aural[app]"')
pytest.importorskip("uvicorn", reason='needs pip install "aural[app]"')
from serving import Serving, Visitors, seen, serving, visited

LONG_S = 45.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("app"), upload_mb=20, most_recordings=4) as one:
        yield one


@pytest.fixture
def visitors(served: Serving) -> Iterator[Visitors]:
    with visited(served.url) as some:
        yield some


def given(page: Any, *files: Path) -> None:
    page.set_input_files("#files", files)


def leave(page: Any) -> None:
    page.goto("about:blank")


def downloaded(page: Any, name: str) -> bytes:
    with page.expect_download() as started:
        page.get_by_role("link", name=name).first.click()
    return Path(started.value.path()).read_bytes()


@in_browser
def test_it_cleans_the_example_and_plays_it(served: Serving, visitors: Visitors) -> None:
    page = visitors.come()
    given(page, EXAMPLE)
    seen(page, "mains hum at 50.02 Hz")
    seen(page, "background 8 dB below the voice, hum at 50.0 Hz")
    page.get_by_role("slider", name="Loudness").fill("-20")
    seen(page, "-20 LUFS")
    assert page.get_by_label("Loudness: auto").is_checked() is False
    page.get_by_role("button", name="Clean", exact=True).click()
    seen(page, "Listen and compare", 60)
    sound, _ = soundfile.read(io.BytesIO(downloaded(page, "Download")))
    assert len(sound) > 20 * 44100
    assert b"use = &quot;noise-reduction&quot;" in downloaded(page, "Save the report")
    page.get_by_role("button", name="Listen and compare").click()
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="After").click()
    frame.get_by_role("button", name="Play").click()
    report = page.frames[1]
    until(report, "player?.playing && player.position > 0.1 && player.chosen === 'after'")
    assert "-20.0 LUFS" in report.inner_text("table")
    check_access(page)
    assert list(served.folder.rglob("*_clean.wav"))
    leave(page)
    for _ in range(100):
        if not list(served.folder.iterdir()):
            break
        page.wait_for_timeout(50)
    assert not list(served.folder.iterdir())


@in_browser
def test_a_batch_and_a_text_file_on_a_phone(tmp_path: Path, visitors: Visitors) -> None:
    page = visitors.come(**PHONE, color_scheme="dark")
    (tmp_path / "notes.txt").write_text("not a recording\n" * 100)
    name = "<img src=x onerror=alert(1)> & 'b'.wav"
    files = [write(tmp_path / "a.wav", voice(2.0)), write(tmp_path / name, voice(2.0)), tmp_path / "notes.txt"]
    given(page, *files)
    seen(page, "Clean 2 recordings")
    seen(page, "notes.txt: ")
    until(page, "!document.querySelector('.cancel:enabled')")
    (bad,) = [text for text in page.locator(".state").all_inner_texts() if text]
    assert bad.startswith("notes.txt: ")
    assert str(tmp_path) not in bad
    assert "\n" not in bad
    page.get_by_role("button", name="Clean 2 recordings").click()
    seen(page, "Download all results", 60)
    with zipfile.ZipFile(io.BytesIO(downloaded(page, "Download all results"))) as file:
        assert sorted(file.namelist()) == sorted(["a_clean.wav", f"{Path(name).stem}_clean.wav"])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    check_access(page)
    page.get_by_role("button", name="Remove notes.txt").click()
    until(page, "document.querySelectorAll('#recordings li.card').length === 2")
    until(page, "!document.querySelector('#said').textContent")  # what was said of a recording passes
    leave(page)


@in_browser
def test_a_run_is_cancelled_and_another_goes_on(tmp_path: Path, served: Serving, visitors: Visitors) -> None:
    long = write(tmp_path / "long.wav", np.tile(voice(5.0), round(LONG_S / 5)))
    earlier = set(served.folder.rglob("*.wav"))  # of other visitors, and perhaps about to go
    page, other = visitors.come(), visitors.come()
    given(page, long)
    given(other, write(tmp_path / "other.wav", voice(2.0)))
    seen(page, "Figures", 60)
    seen(other, "Figures")
    page.get_by_role("button", name="Clean", exact=True).click()
    until(page, "document.querySelector('progress').value > 0.02")
    other.get_by_role("button", name="Clean", exact=True).click()
    seen(other, "waits")
    assert "long.wav" not in other.inner_text("body")
    page.locator("#panel-clean .cancel").click()
    seen(page, "cancelled")
    seen(other, "Listen and compare", 60)
    assert not list(served.folder.rglob("long_clean*"))
    assert page.get_by_role("button", name="Clean", exact=True).is_enabled()
    page.get_by_role("button", name="Clean", exact=True).click()
    until(page, "document.querySelector('progress').value > 0.02")
    leave(page)  # while it is at work
    seen(other, "done")
    for _ in range(100):
        names = (name for _, _, files in os.walk(served.folder) for name in files)  # while they are deleted
        if not any(name.startswith("long") for name in names):
            break
        other.wait_for_timeout(50)
    left = sorted(path.name for path in set(served.folder.rglob("*.wav")) - earlier)
    assert left == ["other.wav", "other_clean.wav"]
    leave(other)


@in_browser
def test_a_chain_is_built_by_keyboard_alone(tmp_path: Path, visitors: Visitors) -> None:
    page = visitors.come()
    given(page, write(tmp_path / "a.wav", voice(2.0)))
    seen(page, "Figures")
    page.locator("#tab-clean").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-chain"
    page.locator("#stage").focus()
    page.keyboard.type("master")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("#said").inner_text() == ""
    page.locator("#stages").get_by_text("Settings").focus()
    page.keyboard.press("Enter")
    page.get_by_label("target (LUFS)").focus()
    page.keyboard.type("9")
    page.keyboard.press("Tab")
    seen(page, "stage 1: master: target_lufs must be from -50 to -5 LUFS, got 9")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("-19")
    page.keyboard.press("Tab")
    seen(page, "The chain as a file")
    until(page, "document.querySelector('#toml').textContent.includes('target_lufs = -19')")
    (tmp_path / "chain.toml").write_text(page.evaluate("document.querySelector('#toml').textContent"))
    assert [stage.name for stage in read_chain(tmp_path / "chain.toml").stages] == ["master"]
    page.get_by_role("button", name="Run").focus()
    page.keyboard.press("Enter")
    seen(page, "Listen and compare")
    until(page, "document.querySelector('#said').textContent.startsWith('a.wav: done')")
    page.get_by_text("What was done, and why").click()
    seen(page, "-19.0 LUFS")
    leave(page)


@in_browser
def test_a_reference_goes_by_its_name_and_the_form_fits_a_phone(
    tmp_path: Path, served: Serving, visitors: Visitors
) -> None:
    page = visitors.come(**PHONE)
    given(page, write(tmp_path / "a.wav", voice(2.0)), write(tmp_path / "ref <b>.wav", np.diff(voice(2.0))))
    seen(page, "Clean 2 recordings")
    page.get_by_role("tab", name="Build a chain").click()
    page.select_option("#begin", "podcast")
    until(page, "document.querySelectorAll('#stages li').length > 5")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("#stages h3").first.bounding_box()["height"] < 40  # one line
    page.select_option("#begin", "nothing")
    page.select_option("#stage", "match")
    page.get_by_role("button", name="Add").click()
    page.locator("#stages").get_by_text("Settings").click()
    page.get_by_label("reference").fill("ref <b>.wav")
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Listen and compare: a.wav").wait_for(timeout=60_000)
    page.get_by_text("What was done, and why").first.click()
    until(page, "!document.querySelector('.cancel:enabled')")
    report = downloaded(page, "Save the report").decode()
    assert "reference = &quot;ref &lt;b&gt;.wav&quot;" in report
    assert "with the preset chain.toml" in report
    said = page.inner_text("body")
    assert "dB away from that of ref <b>.wav" in said
    assert "reference ref <b>.wav" in said
    for text in (report, said):
        assert str(served.folder) not in text
    leave(page)


@in_browser
def test_a_song_is_taken_apart(tmp_path: Path, served: Serving, visitors: Visitors) -> None:
    page = visitors.come(**PHONE)
    given(page, write(tmp_path / "song.wav", 0.5 * voice(2.0, 2)))
    seen(page, "Figures")
    page.get_by_role("tab", name="Take apart").click()
    page.locator("#separator").get_by_text("Settings").click()
    page.locator("#separator [data-param=engine]").select_option("center")
    assert not page.locator("#separator [data-param=model]").is_visible()
    check_access(page)
    page.get_by_role("button", name="Take apart", exact=True).click()
    seen(page, "Download center")
    stems = [soundfile.read(io.BytesIO(downloaded(page, f"Download {name}")))[0] for name in ("center", "sides")]
    song, _ = soundfile.read(tmp_path / "song.wav")
    np.testing.assert_allclose(sum(stems), song, atol=2 / 32768)
    with zipfile.ZipFile(io.BytesIO(downloaded(page, "Download all results"))) as file:
        assert sorted(file.namelist()) == ["song_center.wav", "song_sides.wav"]
    page.get_by_role("button", name="Listen and compare").click()
    page.frame_locator("iframe").get_by_role("button", name="Sides").click()
    until(page.frames[1], "player?.chosen === 'sides'")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("tab", name="Clean", exact=True).click()
    page.get_by_role("button", name="Clean", exact=True).click()
    page.get_by_role("link", name="Download: song.wav").wait_for(timeout=60_000)
    assert [path.name for path in served.folder.rglob("song_*.wav")] == ["song_clean.wav"]
    leave(page)


@in_browser
def test_the_form_of_every_stage_says_its_defaults(visitors: Visitors, tmp_path: Path) -> None:
    page = visitors.come()
    page.get_by_role("tab", name="Build a chain").click()
    names = [name for name in registry.names() if issubclass(registry.stage_class(name), Effect)]
    page.evaluate("names => { for (const name of names) add(name); edited(); }", names)
    until(page, f"document.querySelector('#toml').textContent.split('[[stage]]').length === {len(names) + 1}")
    (tmp_path / "chain.toml").write_text(page.evaluate("document.querySelector('#toml').textContent"))
    assert read_chain(tmp_path / "chain.toml").stages == tuple(registry.create(name) for name in names)
    for name in names:
        fields = page.eval_on_selector_all(
            f"[data-use='{name}'] [data-param]", "all => all.map(field => field.dataset.param)"
        )
        assert fields == [parameter.name for parameter in parameters(registry.stage_class(name))]
    check_access(page)
    stage = page.locator("[data-use='noise-reduction']")
    stage.get_by_text("Settings").click()
    assert stage.locator("[data-param=dereverb]").is_visible()
    stage.locator("[data-param=engine]").select_option("gate")
    until(page, """document.querySelector('#toml').textContent.includes('engine = "gate"')""")
    assert not stage.locator("[data-param=dereverb]").is_visible()
    page.select_option("#begin", "podcast")
    count = len(read_chain("podcast").stages)
    until(page, f"document.querySelector('#toml').textContent.split('[[stage]]').length === {count + 1}")
    (tmp_path / "preset.toml").write_text(page.evaluate("document.querySelector('#toml').textContent"))
    assert read_chain(tmp_path / "preset.toml") == read_chain("podcast")
    leave(page)


def asked(url: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, str]:
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data, {key.replace("_", "-"): v for key, v in headers.items()}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def token(url: str) -> str:
    """Open a page as a program does; return its token."""
    _, text = asked(url)
    found: str = json.loads(text.partition('id="data">')[2].partition("</script>")[0])["token"]
    return found


def test_what_is_refused(served: Serving) -> None:
    mine = served.url + token(served.url)
    for code, sentence, answer in (
        (400, "Invalid host header", asked(served.url, Host="evil.example")),
        (404, "this page was closed", asked(f"{served.url}{'x' * 32}/results")),
        (404, "no such recording", asked(f"{mine}/1/result/0")),
        (413, "larger than 20 MB", asked(f"{mine}/recordings?name=a.wav", "PUT", b"x", Content_Length="20000001")),
        (400, "no name that a file can have", asked(f"{mine}/recordings?name=..", "PUT", b"x")),
        (400, "names no preset", asked(f"{mine}/plan", "POST", {"preset": "/etc/a.toml", "wishes": {}})),
        (200, "no preset called", asked(f"{mine}/plan", "POST", {"preset": "loud", "wishes": {}})),
        (200, "dereverb must be", asked(f"{mine}/plan", "POST", {"preset": "auto", "wishes": {"dereverb": 2}})),
        (400, "something unknown", asked(f"{mine}/plan", "POST", {"preset": "auto", "wishes": {"shine": 2}})),
        (400, "is no JSON", asked(f"{mine}/clean", "POST", b"{")),
        (413, "asks for too much", asked(f"{mine}/clean", "POST", bytes(1_100_000))),
    ):
        assert (answer[0], sentence in answer[1]) == (code, True), answer
    for sentence, stage in (
        ("master gives no stems", {"use": "master"}),
        ("no stage called", {"use": "shine"}),
        ("no recording on this page", {"use": "source-separation", "engine": "demucs", "model": str(EXAMPLE)}),
        ("a chain is a list", [1]),
    ):
        code, text = asked(f"{mine}/separate", "POST", stage)
        assert (code, sentence in text) == (400, True), text
    asked(f"{mine}/close", "POST", b"")


@pytest.mark.parametrize(
    ("stage", "sentence"),
    [
        ({"use": "master", "reference": str(EXAMPLE)}, "no recording on this page called"),
        ({"use": "master", "reference": "setup.cfg"}, "no recording on this page called"),
        ({"use": "split", "separator": {"use": "source-separation"}}, "without branches"),
        ({"use": "master", "target_lufs": "loud"}, "target_lufs must be"),
        ({"use": "shine"}, "no stage called"),
    ],
)
def test_a_chain_reaches_nothing_but_this_page(
    served: Serving, stage: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "setup.cfg").touch()
    mine = served.url + token(served.url)
    for path, status in (("chain", 200), ("run", 400)):
        code, text = asked(f"{mine}/{path}", "POST", {"stage": [stage]})
        assert (code, sentence in text, "error" in json.loads(text)) == (status, True, True), text
    asked(f"{mine}/close", "POST", b"")


def test_names_that_browsers_send_and_places_in_chains(served: Serving) -> None:
    from aural.cli.app.sessions import Pools, Session, file_name

    assert file_name("C:\\memos\\a.wav") == "a.wav"
    assert file_name("../../etc/passwd") == "passwd"
    assert file_name("ü" * 300 + ".m4a").endswith("ü.m4a")
    assert len(os.fsencode(file_name("ü" * 300 + ".m4a"))) <= 150
    session = Session(served.folder, Pools(None, None))  # type: ignore[arg-type]
    recording = session.begin("song.wav")
    table = {"stage": [{"use": "match", "reference": "song.wav"}]}
    assert session.chain(table).stages[0].reference == str(recording.path)  # type: ignore[attr-defined]
    assert session.chain(table, names=True).stages[0].reference == "song.wav"  # type: ignore[attr-defined]
    recording.path.touch()
    session.remove(recording.number)
    assert not recording.path.parent.exists()


@in_browser
def test_more_than_is_taken_is_refused_and_nothing_of_it_stays(tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    (tmp_path / "large.wav").write_bytes(bytes(1_100_000))
    (tmp_path / "small.wav").write_bytes(b"no sound")
    with serving(tmp_path / "served", upload_mb=1, most_recordings=1) as one, visited(one.url) as visitors:
        mine = one.url + token(one.url)
        host, _, port = one.url.removeprefix("http://").strip("/").partition(":")
        sending = http.client.HTTPConnection(host, int(port))
        sending.request("PUT", f"/{mine.rpartition('/')[2]}/recordings?name=a.wav", iter([bytes(600_000)] * 2))
        answer = sending.getresponse()  # of what did not say how large it is
        assert (answer.status, b"larger than 1 MB" in answer.read()) == (413, True)
        assert not list(one.folder.rglob("a.wav"))
        assert asked(f"{mine}/recordings?name=a.wav", "PUT", b"no sound")[0] == 200
        status, text = asked(f"{mine}/recordings?name=b.wav", "PUT", b"no sound")
        assert (status, "no more than 1 at the same time" in text) == (400, True)
        page = visitors.come()
        given(page, tmp_path / "large.wav")
        seen(page, "large.wav: is larger than 1 MB, the most that is taken here")
        assert not [url for url in visitors.asked if "recordings" in url]
        asked(f"{mine}/close", "POST", b"")
        leave(page)


@contextmanager
def commanded(folder: Path, *options: str) -> Iterator[Any]:
    """Run the command in a process, which ends at the latest with the test."""
    command = [sys.executable, "-c", MAIN, "app", "--port", "0", "--no-browser", *options]
    env = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as app:
        try:
            yield app
        finally:
            app.kill()


def test_a_page_that_others_reach_needs_the_key(tmp_path: Path) -> None:
    with commanded(tmp_path, "--host", "0.0.0.0") as app:
        place, _, key = app.stdout.readline().split()[0].partition("?key=")
        assert place.startswith(f"http://{socket.gethostname()}:")
        assert len(key) == 32
        here = f"http://127.0.0.1:{place.rpartition(':')[2]}"
        for wrong in ("", "?key=", "?key=x", f"?key={key[:-1]}", "?key=%FF"):
            status, text = asked(here + wrong)
            assert (status, text) == (403, "open the whole address that aural app printed, with its key")
        assert 'id="data"' in asked(f"{here}?key={key}")[1]
        assert "the machine that runs this page" in asked(f"{here}?key={key}", Host="aural.example")[1]
        app.send_signal(signal.SIGINT)
        app.wait(20)


def test_a_page_out_of_reach_is_closed_and_there_are_not_too_many(tmp_path: Path) -> None:
    with serving(tmp_path, most_pages=2, closing_s=2.0) as one:
        for _ in range(2):
            asked(f"{one.url}{token(one.url)}/recordings?name=a.wav", "PUT", b"no sound")
        assert asked(one.url)[0] == 503
        assert len(list(tmp_path.rglob("a.wav"))) == 2
        for _ in range(100):
            if not list(tmp_path.iterdir()):
                break
            time.sleep(0.05)
        assert asked(one.url)[0] == 200
        assert not list(tmp_path.rglob("a.wav"))


def test_a_page_in_use_stays_and_one_that_breaks_off_is_closed(tmp_path: Path) -> None:
    with serving(tmp_path, closing_s=1.0) as one:
        mine = one.url + token(one.url)
        with urllib.request.urlopen(f"{mine}/events") as events:
            events.readline()
            asked(f"{mine}/recordings?name=a.wav", "PUT", b"no sound")
            time.sleep(1.5)
            assert len(list(tmp_path.rglob("a.wav"))) == 1
        for _ in range(200):
            if not list(tmp_path.iterdir()):
                break
            time.sleep(0.05)
        assert not list(tmp_path.iterdir())


def test_the_command_serves_until_it_is_ended_and_leaves_nothing(tmp_path: Path) -> None:
    with commanded(tmp_path) as app:
        url = app.stdout.readline().split()[0]
        assert asked(f"{url}{token(url)}/recordings?name=a.wav", "PUT", b"no sound")[0] == 200
        assert len(list(tmp_path.rglob("a.wav"))) == 1
        app.send_signal(signal.SIGINT)
        assert app.wait(20) == 130
        assert app.stderr.read().strip() == "aural: interrupted; nothing was left half-written"
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_one_sentence(tmp_path: Path) -> None:
    with mock.patch.dict(sys.modules, {"uvicorn": None}):
        sys.modules.pop("aural.cli.app.server", None)
        for command in ("app", "shortcut"):
            code, out, err = invoke(command)
            assert (code, out) == (2, "")
            assert err == 'aural: the page needs uvicorn: pip install "aural[app]"\n'
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, out, err = invoke("app", "--port", taken.getsockname()[1], "--no-browser")
    assert (code, out) == (2, "")
    assert err.startswith("aural: the page cannot be offered at 127.0.0.1:")
    assert len(err.splitlines()) == 1
    assert invoke("app", "--upload-mb", "0")[0] == 2
