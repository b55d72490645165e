"""A metric as a table shows it, and what its measure takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aural.errors import AudioError, AuralError
from aural.signals import Block

Audio = NDArray[np.float32]
"""One channel, shape (frames,)."""
Measure = Callable[[Audio, Audio, int], float]
"""Reference, estimate and sample rate in Hz to a figure."""
Together = Callable[[Block, Block, Block, int], float]
"""Reference, estimate, input, each (channels, frames), and sample rate in Hz to a figure; NaN for none."""
OfTakes = Callable[[Sequence[Block], Block, int], float]
"""Several takes, the input, each (channels, frames), and sample rate in Hz to a figure; NaN for none."""


@dataclass(frozen=True)
class Metric:
    """A metric as a table shows it."""

    name: str
    unit: str
    decimals: int
    rising: bool
    """Whether higher is better."""
    measure: Measure | Together | OfTakes
    optional: bool = False
    """Whether it is left out, with a note, where it cannot be measured."""
    together: bool = False
    """Measured over all channels together, the input too, and not as the mean over channels."""
    of_takes: bool = False
    """Measured between the takes of a recording; a single one has none."""

    def of(self, reference: Block, estimate: Block, recording: Block, sample_rate: int) -> float:
        """Measure an estimate; `recording` is the input. All are (channels, frames).

        Raises:
            AuralError: it cannot be measured here.
            AudioError: it cannot be measured on this reference.
        """
        if self.of_takes:
            return float("nan")
        if self.together:
            return self.measure(reference, estimate, recording, sample_rate)  # type: ignore[call-arg, arg-type]
        pairs = zip(reference, estimate, strict=True)
        figures = [self.measure(*pair, sample_rate) for pair in pairs]  # type: ignore[call-arg, arg-type]
        return float(np.mean(figures))

    def between(self, takes: Sequence[Block], recording: Block, sample_rate: int) -> float:
        """Measure how takes differ, if it is such a metric; `recording` is the input."""
        return self.measure(takes, recording, sample_rate) if self.of_takes else float("nan")  # type: ignore[call-arg, arg-type]

    @property
    def title(self) -> str:
        """Name and unit."""
        return f"{self.name} {self.unit}".strip()


def comparable(reference: Audio, estimate: Audio) -> tuple[Audio, Audio]:
    """Return both as they are.

    Raises:
        AudioError: they are not one channel each, differ in length or are not finite, or the reference is silent.
    """
    if reference.ndim != 1 or reference.shape != estimate.shape:
        shapes = f"{reference.shape} and {estimate.shape}"
        raise AudioError(f"reference and estimate must have one shape (frames,), got {shapes}")
    if not (np.isfinite(reference).all() and np.isfinite(estimate).all()):
        raise AudioError("reference or estimate holds NaN or infinity")
    if not reference.any():
        raise AudioError("the reference is silent")
    return reference, estimate


def package(name: str, extra: str = "eval") -> Any:
    """Import a package of an extra of AURAL.

    Raises:
        AuralError: it is missing; the sentence says how to install it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise AuralError(f'the package {name} is missing: pip install "aural[{extra}]"') from error
