"""Make phone_memo.m4a: a synthetic voice as a phone in a room by the street would have recorded it.

    apt-get install flite && pip install pyroomacoustics
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
import pyroomacoustics
import soundfile
from scipy.signal import butter, fftconvolve, sosfilt

from aural.audio.writing import write_audio
from aural.stage import Format
from aural.streaming import resampler

SAMPLE_RATE = 44100
TEXT = """Hi, it is me. I am sitting in the kitchen with the window open, so you may hear a bit of traffic.
I wanted to tell you about the recording we made last week. The guitar came out well, but the voice is buried,
and the whole thing was done on my phone. Could you listen to it and tell me whether it can be saved?
There is a concert on Friday at a quarter past eight. Bring your headphones, and call me back when you can."""


def voice() -> np.ndarray:
    """Speak the text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voice.wav"
        subprocess.run(["flite", "-voice", "slt", "-t", TEXT, "-o", path], check=True)
        audio, rate = soundfile.read(path, dtype="float32")
    stream = resampler(Format(rate, 1), SAMPLE_RATE)
    audio = np.concatenate([stream.push(audio[np.newaxis]), stream.flush()], axis=-1)[0]
    return np.pad(audio / np.abs(audio).max(), (SAMPLE_RATE, SAMPLE_RATE // 2))


def room(audio: np.ndarray) -> np.ndarray:
    """Put the voice into a kitchen, 60 cm in front of the phone."""
    absorption, order = pyroomacoustics.inverse_sabine(0.35, [3.6, 2.9, 2.5])
    walls = pyroomacoustics.Material(absorption)
    box = pyroomacoustics.ShoeBox([3.6, 2.9, 2.5], fs=SAMPLE_RATE, materials=walls, max_order=order)
    box.add_source([1.5, 1.4, 1.5])
    box.add_microphone([2.05, 1.55, 1.3])
    box.compute_rir()
    response = box.rir[0][0]
    onset = int(np.argmax(np.abs(response)))
    return fftconvolve(audio, response / np.abs(response).max())[onset : onset + audio.size]


def band(audio: np.ndarray, low_hz: float, high_hz: float, order: int = 2) -> np.ndarray:
    """Keep a band of the spectrum."""
    return sosfilt(butter(order, [low_hz, high_hz], "bandpass", fs=SAMPLE_RATE, output="sos"), audio)


def street(frames: int, rng: np.random.Generator) -> np.ndarray:
    """Make traffic: a steady rush, three cars going by, and the hiss of their tyres."""
    time = np.arange(frames) / SAMPLE_RATE
    rush = band(rng.standard_normal(frames), 80, 900, 1)
    cars = np.zeros(frames)
    for at, width, loud in ((4.0, 1.6, 1.0), (12.5, 2.4, 1.6), (20.0, 1.2, 0.8)):
        swell = loud * np.exp(-0.5 * ((time - at) / width) ** 2)
        cars += swell * band(rng.standard_normal(frames), 60, 400, 1)
        cars += 0.25 * swell**2 * band(rng.standard_normal(frames), 900, 5000, 1)
    return rush + 0.8 * cars


def hum(frames: int) -> np.ndarray:
    """Make the hum of a refrigerator at 50 Hz and its harmonics."""
    time = np.arange(frames) / SAMPLE_RATE
    return sum(np.sin(2 * np.pi * 50.02 * k * time + k) / k**0.7 for k in (1, 2, 3, 4, 6, 8))


def gain_control(audio: np.ndarray) -> np.ndarray:
    """Turn soft passages up, slowly, as phones do."""
    power = sosfilt(butter(1, 0.6, fs=SAMPLE_RATE, output="sos"), audio**2)
    level_db = 10 * np.log10(np.maximum(power, 1e-6))
    gain_db = np.clip(-22 - level_db, -6, 8)
    return audio * 10 ** (gain_db / 20)


def main() -> None:
    rng = np.random.default_rng(1)
    speech = 0.25 * room(voice())
    loudness = np.sqrt(np.mean(speech**2))
    noise = street(speech.size, rng)
    noise *= loudness * 10 ** (-19 / 20) / np.sqrt(np.mean(noise**2))
    hiss = loudness * 10 ** (-38 / 20) * rng.standard_normal(speech.size)
    audio = speech + noise + 0.08 * loudness * hum(speech.size) + hiss
    audio = band(audio, 90, 14000, 1)  # the microphone
    audio = 0.98 * np.tanh(gain_control(audio) / 0.98)
    target = Path(__file__).with_name("phone_memo.m4a")
    write_audio(target, [audio[np.newaxis].astype(np.float32)], Format(SAMPLE_RATE, 1), bit_rate=64_000)
    print(f"{target}: {audio.size / SAMPLE_RATE:.1f} s")


if __name__ == "__main__":
    main()
