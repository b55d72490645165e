"""Make phone_memo.m4a: a synthetic voice as a phone in a room by the street would have recorded it.

    apt-get install flite && pip install "aural[train]"
    python examples/make_phone_memo.py

A text spoken by flite (the free voice slt), a simulated room (image sources, pyroomacoustics), a street through
the window and mains hum, the small microphone of a phone, automatic gain, and AAC at 64 kbit/s, mono. Nothing is
a recording.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import butter, sosfilt

from aural.audio.writing import write_audio
from aural.degrade import (
    Audio,
    Coloured,
    GainControl,
    HighPass,
    Hum,
    Level,
    Microphone,
    Noise,
    SimulatedRoom,
    Take,
    degrade,
)
from aural.dsp.resampling import resampler
from aural.signals import Format

SAMPLE_RATE = 44100
TEXT = """Hi, it is me. I am sitting in the kitchen with the window open, so you may hear a bit of traffic.
I wanted to tell you about the recording we made last week. The guitar came out well, but the voice is buried,
and the whole thing was done on my phone. Could you listen to it and tell me whether it can be saved?
There is a concert on Friday at a quarter past eight. Bring your headphones, and call me back when you can."""


def voice() -> Audio:
    """Speak the text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voice.wav"
        subprocess.run(["flite", "-voice", "slt", "-t", TEXT, "-o", path], check=True)
        audio, rate = soundfile.read(path, dtype="float32")
    stream = resampler(Format(rate, 1), SAMPLE_RATE)
    audio = np.concatenate([stream.push(audio[np.newaxis]), stream.flush()], axis=-1)[0]
    return np.pad(audio, (SAMPLE_RATE, SAMPLE_RATE // 2))


def street(frames: int, rng: np.random.Generator) -> Audio:
    """Make traffic: a steady rush, three cars going by, and the hiss of their tyres."""

    def band(low_hz: float, high_hz: float) -> Audio:
        sections = butter(1, [low_hz, high_hz], "bandpass", fs=SAMPLE_RATE, output="sos")
        return sosfilt(sections, rng.standard_normal(frames)).astype(np.float32)

    time = np.arange(frames, dtype=np.float32) / SAMPLE_RATE
    traffic = band(80, 900)
    for at, width, loud in ((4.0, 1.6, 1.0), (12.5, 2.4, 1.6), (20.0, 1.2, 0.8)):
        swell = loud * np.exp(-0.5 * ((time - at) / width) ** 2)
        traffic += 0.8 * swell * band(60, 400) + 0.2 * swell**2 * band(900, 5000)
    return traffic


def main() -> None:
    rng = np.random.default_rng(1)
    clean = voice()
    kitchen = [
        SimulatedRoom(3.6, 2.9, 2.5, decay_s=0.35, distance_m=0.6),
        Noise(street(clean.size, rng), snr_db=14),
        Hum(50.02, harmonics=8, slope_db=-4, snr_db=22),
        Coloured(slope_db=0, snr_db=38),
    ]
    phone = [
        Microphone((0, 0, 0, 0, 0, 0, 0, -1, -4)),
        HighPass(90, order=1),
        GainControl(strength=1, attack_ms=265, release_ms=265, most_db=10),
        Level(peak_dbfs=-5),
    ]
    recorded = degrade(Take.of(clean, SAMPLE_RATE), [*kitchen, *phone], rng).noisy
    target = Path(__file__).with_name("phone_memo.m4a")
    write_audio(target, [recorded[np.newaxis]], Format(SAMPLE_RATE, 1), bit_rate=64_000)
    print(f"{target}: {recorded.size / SAMPLE_RATE:.1f} s")


if __name__ == "__main__":
    main()
