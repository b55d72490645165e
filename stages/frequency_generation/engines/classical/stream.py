"""Fills holes of a spectrum with noise, and with partials continued from below.

References:
    J. Herre, D. Schulz: Extending the MPEG-4 AAC codec by perceptual noise substitution, 104th AES Convention,
    1998. Here the decoder's side guesses the level, and a tonal part is copied by a multiple of the spacing
    of the partials.
"""

from __future__ import annotations

import numpy as np

from aural.dsp import spectra as spectrum
from aural.dsp.compiled import njit
from aural.dsp.frames import Spectra
from aural.dsp.spectra import Levels
from aural.signals import Format
from aural.stages.frequency_generation.engine import Damage
from aural.stages.frequency_generation.holes import NEPER, NOTHING
from aural.stages.frequency_generation.stream import HannStream

FLAT_HZ = 250.0  # what is copied is made flat over so much to both sides
SHORTEST_HZ, LONGEST_HZ = 750.0, 3000.0  # distance over which partials are copied
STEADY = 0.9  # a distance is kept while its likeness is within this share of the best


class ClassicalStream(HannStream):
    """Turns a signal into what it lacks, and nothing else."""

    def __init__(self, source: Format, damage: Damage, tonality: float, seed: int) -> None:
        super().__init__(source, damage.cutoff_hz, damage.ceiling_hz)
        self.damage, self.tonality, self.seed = damage, tonality, seed
        self.flat = round(FLAT_HZ / self.step_hz)
        self.distances = range(round(SHORTEST_HZ / self.step_hz), round(LONGEST_HZ / self.step_hz) + 1)
        self.gain = spectrum.noise_gain(self.analysis, self.synthesis, self.overlap)
        self.frame, self.distance, self.turn = 0, 0, 0

    def change(self, spectra: Spectra) -> Spectra:
        return self._fill(*self.holes.find(spectra))

    def finish(self) -> Spectra:
        nothing = np.zeros((self.output.channels, 0, len(self.analysis) // 2 + 1), np.complex64)
        return self._fill(*self.holes.find(nothing, last=True))

    def _fill(self, spectra: Spectra, missing: Levels) -> Spectra:
        frames = range(self.frame, self.frame + spectra.shape[1])
        self.frame = frames.stop
        known = slice(self.holes.lowest, self.holes.cutoff)
        flat = spectrum.flattened(spectra, self.flat)
        distance, likeness = self._distances(np.abs(flat[:, :, known]).mean(axis=0))
        turn = self.turn + np.cumsum(distance * self.hop)
        self.turn = int(turn[-1]) % len(self.analysis) if len(turn) else self.turn
        noise = spectrum.noise(
            self.seed, frames, range(spectra.shape[-1]), spectrum.likeness(spectra[:, :, known])
        ) * np.float32(self.gain)
        angle = 2 * np.pi * (turn % len(self.analysis)) / len(self.analysis)
        missing = missing + np.float32(self.damage.level_db * NEPER)
        if not self.damage.porous:
            missing[:, :, : self.holes.cutoff] = NOTHING
        tonal = np.float32(self.tonality) * likeness
        return _filled(missing, flat, noise, distance, angle, tonal, self.holes.lowest)  # type: ignore[no-any-return]

    def _distances(self, flat: Levels) -> tuple[Levels, Levels]:
        """Return over how many bins the spectrum of each frame repeats itself best, and how well, 0 to 1."""
        distance, likeness = _repeats(flat, self.distances.start, self.distances.stop, self.distance)
        self.distance = int(distance[-1]) if len(distance) else self.distance
        return distance, likeness


@njit()
def _repeats(flat, shortest, longest, before):  # type: ignore[no-untyped-def]
    """Find for each frame the shift that a flattened spectrum, shape (frames, bins), resembles itself at."""
    frames, bins = flat.shape
    distance, likeness = np.zeros(frames, np.int64), np.zeros(frames, np.float32)
    score = np.zeros(longest, np.float32)
    for t in range(frames):
        row = flat[t] - flat[t].mean()
        energy = np.concatenate((np.zeros(1, np.float32), np.cumsum(row**2)))
        for d in range(shortest, min(longest, bins // 2)):
            both = energy[bins - d] * (energy[bins] - energy[d])
            score[d] = _dot(row, d) / np.sqrt(both + np.float32(spectrum.TINY))
        best = score[shortest:].argmax() + shortest
        if before and score[before] > STEADY * score[best]:
            best = before
        before = best
        distance[t], likeness[t] = best, max(0.0, score[best])
    return distance, likeness


@njit(fastmath=True)
def _dot(row, shift):  # type: ignore[no-untyped-def]
    total = np.float32(0)
    for i in range(len(row) - shift):
        total += row[i] * row[i + shift]
    return total


@njit()
def _filled(missing, flat, noise, distance, angle, tonal, lowest):  # type: ignore[no-untyped-def]
    """Put noise and copied partials at the missing levels; zero elsewhere."""
    out = np.zeros(flat.shape, np.complex64)
    channels, frames, bins = flat.shape
    for c in range(channels):
        for t in range(frames):
            for b in range(lowest, bins):
                if missing[c, t, b] > NOTHING:
                    origin, times = b - distance[t], 1
                    while origin >= lowest and missing[c, t, origin] > NOTHING:
                        origin -= distance[t]
                        times += 1
                    share = tonal[t] if origin >= lowest else np.float32(0)
                    tone = flat[c, t, origin] * np.exp(1j * times * angle[t])
                    value = share * tone + np.sqrt(1 - share * share) * noise[c, t, b]
                    out[c, t, b] = np.exp(0.5 * missing[c, t, b]) * value
    return out
