"""Demucs networks over a signal of any length: what `demucs.apply.apply_model` gives, as a stream."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from aural import devices
from aural.errors import WeightsError
from aural.signals import Block, Format
from aural.stages.source_separation.engine import NAME
from aural.stream import Aligned, Queue, Stream

MOST_SHIFT_S = 0.5


class DemucsStream(Stream):
    """Runs a network, or a bag of them, at its own sample rate; gives the wanted stems in place of channels.

    The same values as demucs: `Separator.separate_tensor` of `demucs.api`, but for the mean of the recording, which
    demucs adds to every stem and this to none. Mono runs as equal channels and is folded back.

    Args:
        source: the signal, at the network's rate.
        network: a network of demucs's, or a `BagOfModels`.
        wanted: numbers of the stems to give.
        segment_s: length of a segment; if not given, the one that each network was trained on, which is also the
            most that a transformer takes.
        overlap: share of a segment that the next one covers too.
        shifts: how often the whole is done, each time moved by another piece of half a second, and averaged; 0 is
            once, unmoved.
        offset, level: what the recording is brought to zero and to one by: mean and standard deviation of the mean
            of its channels.

    Raises:
        WeightsError: the network says that it was trained for no time at all.
    """

    def __init__(
        self,
        source: Format,
        network: Any,
        wanted: Sequence[int],
        segment_s: float | None,
        overlap: float,
        shifts: int,
        offset: float,
        level: float,
    ) -> None:
        super().__init__(Format(source.sample_rate, len(wanted) * source.channels))
        devices.give_memory_back()
        self.source, self.channels = source, network.audio_channels
        self.offset, self.level = np.float32(offset), np.float32(level)
        members = list(getattr(network, "models", [network]))
        weights = np.asarray(getattr(network, "weights", np.ones((1, len(network.sources)))), np.float32)[:, wanted]
        draw = random.Random(0)
        most = int(MOST_SHIFT_S * network.samplerate)
        self.passes: list[Pass] = []
        self.shares: list[Block] = []
        for member, weight in zip(members, weights, strict=True):
            for silence in [most - draw.randint(0, most) for _ in range(shifts)] or [0]:
                if weight.any():
                    self.passes.append(Pass(member, list(wanted), segment_s, overlap, silence))
                    self.shares.append((weight / weights.sum(axis=0) / max(1, shifts))[:, None, None])
        self.waiting = Aligned(len(self.passes))

    def push(self, block: Block) -> Block:
        mixture = np.broadcast_to((block - self.offset) / self.level, (self.channels, block.shape[-1]))
        return self._joined([each.push(mixture) for each in self.passes])

    def flush(self) -> Block:
        return self._joined([each.flush() for each in self.passes])

    def _joined(self, estimates: list[Block]) -> Block:
        parts = self.waiting.take(estimates)
        total = sum((share * part for share, part in zip(self.shares, parts, strict=True)), np.float32(0))
        if self.source.channels == 1:
            total = total.mean(axis=1, keepdims=True)
        stems: Block = (total * self.level).reshape(self.output.channels, -1)
        return stems


class Pass:
    """One network over a signal behind some silence, in segments that overlap and fade into each other.

    A network that takes more than a segment, or the last segment where it is short, hears what lies around it, and
    silence beyond the ends.
    """

    def __init__(
        self, network: Any, wanted: list[int], segment_s: float | None, overlap: float, silence: int
    ) -> None:
        self.network, self.wanted = network.eval(), wanted
        rate, longest = network.samplerate, int(network.samplerate * network.segment)
        transformer = getattr(network, "use_train_segment", False)
        segment = longest if segment_s is None else int(rate * segment_s)
        self.segment = min(segment, longest) if transformer else segment
        if self.segment < 1:
            raise WeightsError("the model says that it was trained for no time at all", stage=NAME)
        self.whole = self.segment if transformer else None
        self.stride = max(1, int((1 - overlap) * self.segment))
        rising = np.arange(1, self.segment // 2 + 1, dtype=np.float32)
        falling = np.arange(self.segment - self.segment // 2, 0, -1, dtype=np.float32)
        self.fade = np.concatenate([rising, falling]) / falling[0]
        self.around = self._taken(self.segment) // 2 + 1  # frames in front of a segment that may be heard with it
        self.queue, self.first = Queue(), 0  # the signal, and where what is kept of it begins
        self.place, self.end, self.skip = 0, 0, silence
        self.sums = np.zeros((len(wanted), network.audio_channels, self.segment), np.float32)
        self.weights = np.zeros(self.segment, np.float32)
        self._append(np.zeros((network.audio_channels, silence), np.float32))

    def push(self, block: Block) -> Block:
        """Take the next frames, (channels, frames); return (stems, channels, frames) of those that are finished."""
        self._append(block)
        behind = self._taken(self.segment) - self.segment
        ready = self.place + self.segment + behind - behind // 2
        done = [self.sums[..., :0]]
        while self.end >= ready:
            done.append(self._segment(self.segment, self.stride))
            ready += self.stride
        return self._given(done)

    def flush(self) -> Block:
        """Return the frames still held back."""
        done = [self.sums[..., :0]]
        while self.place < self.end:
            left = self.end - self.place
            done.append(self._segment(min(self.segment, left), min(self.stride, left)))
        return self._given(done)

    def _append(self, block: Block) -> None:
        self.queue.append(block)
        self.end += block.shape[-1]

    def _given(self, done: list[Block]) -> Block:
        finished = np.concatenate(done, axis=-1)
        skipped = min(self.skip, finished.shape[-1])
        self.skip -= skipped
        return finished[..., skipped:]

    def _segment(self, frames: int, finished: int) -> Block:
        """Run the next segment; return the frames in front of the one after it."""
        self.sums[..., :frames] += self.fade[:frames] * self._run(frames)
        self.weights[:frames] += self.fade[:frames]
        done: Block = np.asarray(self.sums[..., :finished] / self.weights[:finished], np.float32)
        for kept in (self.sums, self.weights):
            kept[..., : self.segment - finished] = kept[..., finished:]
            kept[..., self.segment - finished :] = 0
        self.place += finished
        spent = max(0, self.place - self.around - self.first)
        self.queue.take(spent)
        self.first += spent
        return done

    @torch.inference_mode()
    def _run(self, frames: int) -> Block:
        taken = self._taken(frames)
        before = (taken - frames) // 2
        start = self.place - before
        heard = self.queue.peek(start + taken - self.first)[:, max(0, start - self.first) :]
        heard = np.pad(heard, ((0, 0), (max(0, -start), 0)))
        heard = np.pad(heard, ((0, 0), (0, taken - heard.shape[-1])))
        given = devices.run(self.network, torch.from_numpy(heard)[None])[0].numpy()
        estimates: Block = given[self.wanted, :, before : before + frames]
        return estimates

    def _taken(self, frames: int) -> int:
        """Return how many frames the network takes to give so many."""
        if self.whole is not None:
            return self.whole
        valid = getattr(self.network, "valid_length", None)
        return int(valid(frames)) if valid else frames
