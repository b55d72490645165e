"""Pictures from the library, and what values look like in a notebook."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from recordings import EXAMPLE, voice, write

import aural
from aural.errors import AudioError

matplotlib = pytest.importorskip("matplotlib", reason='needs pip install "aural[plot]"')
matplotlib.use("Agg")

from aural import plot  # noqa: E402


def test_spectrogram_shows_a_tone_where_it_is() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 2000 * np.arange(96000) / 48000)
    ax = plot.spectrogram(tone, 48000)
    (mesh,) = ax.collections
    levels, edges = mesh.get_array(), np.unique(mesh.get_coordinates()[:, :, 1])  # type: ignore[attr-defined]
    band = int(np.asarray(levels).mean(axis=1).argmax())
    assert edges[band] <= 2000 <= edges[band + 1]
    assert ax.get_xlim() == (0, 2)
    assert ax.get_ylim() == (0, 24000)


def test_loudness_shows_level_peaks_and_target() -> None:
    tone = (0.1 * np.sin(2 * np.pi * 997 * np.arange(480000) / 48000)).astype(np.float32)
    peaks, level, target = plot.loudness(tone, 48000, target_lufs=-16).lines
    assert float(np.median(level.get_ydata())) == pytest.approx(-23, abs=0.1)
    assert float(np.median(peaks.get_ydata())) == pytest.approx(-20, abs=0.1)
    assert list(target.get_ydata()) == [-16, -16]


def test_two_recordings_share_their_axes(tmp_path: Path) -> None:
    figure = plot.compare(voice(3.0), 0.5 * voice(2.0), 48000)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[:2] == ["before", "after"]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    figure.savefig(tmp_path / "compared.png")
    assert (tmp_path / "compared.png").stat().st_size > 10_000


def test_diagnoses_mark_what_the_report_marks(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    wide = rng.normal(0, 0.05, (1, 4 * 48000))
    spectrum = np.fft.rfft(wide)
    spectrum[:, 4 * 8000 :] = 0
    narrow = np.fft.irfft(spectrum).astype(np.float32)
    narrow[0, 96000] = 0.9
    before, after = (aural.inspect(write(tmp_path / f"{n}.wav", a)) for n, a in (("before", narrow), ("after", wide)))
    assert before.clicks.places_s == pytest.approx([2.0], abs=0.01)
    figure = plot.compare(narrow, wide, 48000, (before, after))
    first, second = figure.axes[:2]
    drawn = [
        {str(line.get_label()): line for line in ax.lines if not str(line.get_label()).startswith("_")}
        for ax in (first, second)
    ]
    assert [set(lines) for lines in drawn] == [{"defect", "missing"}, {"mended", "added"}]
    assert list(drawn[0]["defect"].get_xdata()) == list(drawn[1]["mended"].get_xdata()) == [2.0]
    (cutoff,) = [line for line in first.lines if line.get_linestyle() == "--"]
    assert cutoff.get_ydata()[0] == pytest.approx(8000, rel=0.05)  # type: ignore[index]
    tint = second.collections[-1].get_array()
    assert tint is not None
    edges = np.unique(second.collections[-1].get_coordinates()[:, :, 1])  # type: ignore[attr-defined]
    shown = np.array([not row.all() for row in np.ma.getmaskarray(tint)])
    assert not shown[edges[1:] < 7500].any()
    assert shown[edges[:-1] > 8500].all()
    assert len(plot.spectrogram(narrow, 48000, before).lines) == 2


def test_axes_of_ones_own() -> None:
    ax = matplotlib.pyplot.figure().subplots()
    assert plot.spectrogram(voice(1.0), 48000, ax=ax) is ax
    assert plot.loudness(voice(1.0), 48000, ax=ax) is ax


def test_refused() -> None:
    with pytest.raises(AudioError, match="transposed"):
        plot.spectrogram(voice(1.0, 2).T, 48000)


def test_without_matplotlib_the_cure_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(AudioError, match=r"aural\[plot\]"):
        plot.compare(voice(1.0), voice(1.0), 48000)


def test_values_show_themselves_in_a_notebook(tmp_path: Path) -> None:
    done = aural.clean(EXAMPLE, tmp_path / "out.wav")
    html = done._repr_html_()
    reasons = [decision.reason for decision in done.decisions if not decision.minor]
    for words in ("phone_memo.m4a", "<td>-16.0 LUFS</td>", "noise-reduction", "hum_hz", *reasons):
        assert words in html
    assert "<li>mains hum at 50.0" in done.before._repr_html_()
    assert "max_attenuation_db" in done.chain._repr_html_()


def test_names_are_text_in_a_notebook(tmp_path: Path) -> None:
    source = write(tmp_path / '<script>alert("1")<\x07.wav', voice(1.0))
    html = aural.clean(source, tmp_path / "out.wav")._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;\\x07.wav" in html
