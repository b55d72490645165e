"""Films for tests, made on the spot."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from aural.signals import Block

RATE = 48000
CODECS = {"mp4": ("mpeg4", "aac"), "mov": ("mpeg4", "aac"), "mkv": ("mpeg4", "libopus"), "webm": ("vp8", "libopus")}
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def film(path: Path, *sounds: Block, late_s: float = 0.0, begins_s: float = 0.0) -> Path:
    """Write a film: moving grey, sounds that come later, time stamps that do not begin at zero, two chapters."""
    picture, codec = CODECS[path.suffix[1:]]
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream(picture, rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        tracks: list[Any] = [container.add_stream(codec, rate=RATE, layout=LAYOUTS[len(sound)]) for sound in sounds]
        for track, language in zip(tracks, ("deu", "fra"), strict=False):
            track.metadata["language"] = language
        container.metadata["title"] = "Talk"
        container.set_chapters([
            {"id": n, "start": 1000 * n, "end": 1000 * (n + 1), "time_base": Fraction(1, 1000),
             "metadata": {"title": f"part {n}"}} for n in range(2)
        ])  # fmt: skip
        for number in range(round(25 * sounds[0].shape[-1] / RATE)):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 5 * (number % 50), np.uint8), format="rgb24")
            frame.pts, frame.time_base = number + round(25 * begins_s), Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for track, sound in zip(tracks, sounds, strict=True):
            for start in range(0, sound.shape[-1], 4800):
                part = np.ascontiguousarray(sound[:, start : start + 4800])
                piece = av.AudioFrame.from_ndarray(part, format="fltp", layout=LAYOUTS[len(sound)])
                piece.sample_rate, piece.time_base = RATE, Fraction(1, RATE)
                piece.pts = start + round(RATE * (late_s + begins_s))
                container.mux(track.encode(piece))
            container.mux(track.encode(None))
    return path


def packets(path: Path, kind: str) -> list[tuple[bytes, float]]:
    """Return the packets of a kind, each with its time."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [(bytes(p), round(float((p.pts or 0) * p.time_base), 3)) for p in container.demux(stream) if p.size]
