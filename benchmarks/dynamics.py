"""Dynamics, equaliser and loudness meter beside their peers: one thread, stereo, 48 kHz, 60 s in one call."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

os.environ.update(NUMBA_NUM_THREADS="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np
import pedalboard
import pyloudnorm
from report import side_by_side, table, write

from aural import Block, Chain, Format
from aural.measure.loudness import LoudnessMeter
from aural.measure.true_peak import TruePeakMeter
from aural.stages.dynamic_compression.gate import Gate
from aural.stages.dynamic_compression.multiband import Multiband
from aural.stages.dynamic_compression.stage import DynamicCompression
from aural.stages.mastering.equaliser import Equaliser
from aural.stages.mastering.stage import Master
from aural.testing import probe

RATE, SECONDS = 48000, 60

voice = np.tile(probe("voice", 4.0), SECONDS // 4) * np.float32(2)  # peaks near -6 dBFS, pauses of hum and noise
noise = 0.2 * np.random.default_rng(0).standard_normal(voice.shape).astype(np.float32)
hot = voice * np.float32(4)

compressor = DynamicCompression(threshold_db=-24.0, ratio=3.0, knee_db=0.0, attack_ms=5.0, release_ms=100.0)
their_compressor = pedalboard.Compressor(threshold_db=-24.0, ratio=3.0, attack_ms=5.0, release_ms=100.0)
limiter = Master(gain_db=0.0, ceiling_dbtp=-1.0, release_ms=100.0)
their_limiter = pedalboard.Limiter(threshold_db=-1.0, release_ms=100.0)


gate = Gate(threshold_db=-35.0, ratio=4.0, attack_ms=2.0, release_ms=150.0, lookahead_ms=0.0)
plain_gate = replace(gate, sidechain_highpass_hz=0.0, hold_ms=0.0, hysteresis_db=0.0)
their_gate = pedalboard.NoiseGate(threshold_db=-35.0, ratio=4.0, attack_ms=2.0, release_ms=150.0)
chain = Chain((compressor, limiter))
their_chain = pedalboard.Pedalboard([their_compressor, their_limiter])
equaliser = Equaliser(
    bands=("high-pass:60", "low-shelf:120:3", "peak:250:-2:1", "peak:500:1.5:2", "peak:1000:-3:1.4", "peak:3000:2:1",
           "peak:6000:-2:3", "high-shelf:10000:2")
)  # fmt: skip
peaks = ((250, -2, 1), (500, 1.5, 2), (1000, -3, 1.4), (3000, 2, 1), (6000, -2, 3))
their_equaliser = pedalboard.Pedalboard([
    pedalboard.HighpassFilter(60), pedalboard.LowShelfFilter(120, 3),
    *(pedalboard.PeakFilter(hz, db, q) for hz, db, q in peaks), pedalboard.HighShelfFilter(10000, 2),
])  # fmt: skip


def lufs(audio: Block) -> float:
    meter = LoudnessMeter(Format(RATE, audio.shape[0]))
    meter.update(audio)
    return meter.compute().integrated_lufs


def dbtp(audio: Block) -> float:
    meter = TruePeakMeter(Format(RATE, audio.shape[0]))
    meter.update(audio)
    return meter.compute()


def their_lufs(audio: Block) -> float:
    return float(pyloudnorm.Meter(RATE).integrated_loudness(audio.T))


PAIRS: dict[str, tuple[str, Callable[[], object], Callable[[], object]]] = {
    "compressor, voice": (
        "pedalboard.Compressor",
        lambda: compressor(voice, RATE),
        lambda: their_compressor(voice, RATE),
    ),
    "the same, channels unlinked": (
        "pedalboard.Compressor",
        lambda: replace(compressor, link=0.0)(voice, RATE),
        lambda: their_compressor(voice, RATE),
    ),
    "compressor, noise": (
        "pedalboard.Compressor",
        lambda: compressor(noise, RATE),
        lambda: their_compressor(noise, RATE),
    ),
    "limiter at work": ("pedalboard.Limiter", lambda: limiter(hot, RATE), lambda: their_limiter(hot, RATE)),
    "limiter at rest": ("pedalboard.Limiter", lambda: limiter(voice, RATE), lambda: their_limiter(voice, RATE)),
    "compressor and limiter": ("pedalboard, both", lambda: chain(hot, RATE), lambda: their_chain(hot, RATE)),
    "gate, voice": ("pedalboard.NoiseGate", lambda: gate(voice, RATE), lambda: their_gate(voice, RATE)),
    "the same, without hold, hysteresis and high-pass": (
        "pedalboard.NoiseGate",
        lambda: plain_gate(voice, RATE),
        lambda: their_gate(voice, RATE),
    ),
    "equaliser, 8 bands": (
        "pedalboard, 8 filters",
        lambda: equaliser(voice, RATE),
        lambda: their_equaliser(voice, RATE),
    ),
    "the same, linear phase": (
        "pedalboard, 8 filters",
        lambda: replace(equaliser, phase="linear")(voice, RATE),
        lambda: their_equaliser(voice, RATE),
    ),
    "multiband, 4 bands": (
        "pedalboard.Compressor, one band",
        lambda: Multiband()(voice, RATE),
        lambda: their_compressor(voice, RATE),
    ),
    "integrated loudness": ("pyloudnorm.Meter", lambda: lufs(voice), lambda: their_lufs(voice)),
}


def main() -> None:
    rows = []
    for what, (peer, ours, theirs) in PAIRS.items():
        seconds = side_by_side({"aural": ours, "peer": theirs})
        speed = [f"{SECONDS / seconds[name]:.0f}" for name in ("aural", "peer")]
        rows.append([what, peer, *speed, f"{seconds['peer'] / seconds['aural']:.2f}"])
    text = table(["what", "peer", "aural: s of audio per s", "peer", "times as fast"], rows)
    our_peak, their_peak = (dbtp(limit(hot, RATE)) for limit in (limiter, their_limiter))
    write(
        "Dynamics",
        "dynamics.py",
        f"""{text}

One thread, stereo, 48 kHz, {SECONDS} s in one call, median of seven in turn. Both compressors have the same
threshold, ratio, attack and release and no look-ahead; aural's follows the louder channel, unless said
otherwise, pedalboard's has each channel follow itself.

The gates do not do the same work: pedalboard's looks at the power of each channel, aural's at the mean power of the
louder one behind a high-pass, and has hysteresis and hold; the filters of the side chain are most of its time.
pedalboard has no multiband compressor.

The limiters do not do the same work: aural's looks ahead and finds peaks between the samples, at eight times the
rate; pedalboard's is a compressor and a clipper of samples. With the ceiling at -1 dB the true peak behind aural's is
{our_peak:.2f} dBTP, behind pedalboard's {their_peak:.2f} dBTP.""",
    )


if __name__ == "__main__":
    main()
