"""Draw before_after.png: the example recording and what `aural clean` makes of it.

python examples/plot_before_after.py        (needs pip install "aural[plot]")
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import aural
from aural import plot

HERE = Path(__file__).parent


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "clean.wav"
        done = aural.clean(HERE / "phone_memo.m4a", target)
        before, sample_rate = aural.read(HERE / "phone_memo.m4a")
        after, _ = aural.read(target)
    figure = plot.compare(before, after, sample_rate, (done.before, done.after))
    for name, diagnosis, ax in zip(("before", "after"), (done.before, done.after), figure.axes, strict=False):
        loudness, snr = diagnosis.loudness.integrated_lufs, diagnosis.environment.snr_db
        ax.set_title(f"{name}: {loudness:.0f} LUFS, background {snr:.0f} dB below", fontsize=10)
    figure.savefig(HERE / "before_after.png", dpi=90)


if __name__ == "__main__":
    main()
