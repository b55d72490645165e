"""Draw before_after.png: the example recording and what `aural clean` makes of it.

python examples/plot_before_after.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from aural.audio.files import read
from aural.cleaning.running import clean

HERE = Path(__file__).parent


def main() -> None:
    figure, axes = plt.subplots(2, 2, figsize=(11, 4.6), sharex=True, height_ratios=(3, 1), layout="constrained")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "clean.wav"
        done = clean(HERE / "phone_memo.m4a", target)
        pairs = (("before", HERE / "phone_memo.m4a", done.before), ("after", target, done.after))
        for column, (name, path, diagnosis) in enumerate(pairs):
            audio, rate = read(path)
            spectrum, wave = axes[:, column]
            spectrum.specgram(audio[0] + 1e-9, NFFT=2048, Fs=rate, noverlap=1536, vmin=-150, vmax=-40, cmap="magma")
            spectrum.set(ylim=(0, 10000), ylabel="Hz" if not column else "")
            loudness, snr_db = diagnosis.loudness.integrated_lufs, diagnosis.environment.snr_db
            figures = f"{loudness:.0f} LUFS, background {snr_db:.0f} dB below"
            spectrum.set_title(f"{name}: {figures}", fontsize=10)
            wave.plot(np.arange(audio.shape[1]) / rate, audio[0], linewidth=0.3, color="#333")
            wave.set(ylim=(-1, 1), xlabel="s")
    figure.savefig(HERE / "before_after.png", dpi=90)


if __name__ == "__main__":
    main()
