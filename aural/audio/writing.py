"""Writing recordings: complete or not at all; bit depth, layout and all that is said about them kept."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aural.audio.atomic import Part, Results, destination
from aural.audio.coding import CODERS, Samples, encode
from aural.audio.files import Info
from aural.audio.films import FILMS, write_film
from aural.audio.layouts import speakers
from aural.audio.metadata import About, read_about
from aural.audio.riff import Aiff, Wav, mask
from aural.audio.tagging import aiff_chunks, wav_chunks
from aural.errors import AudioError
from aural.signals import Block, Format, as_block

log = logging.getLogger("aural")

LOSSLESS = {".wav": "WAV", ".flac": "FLAC", ".aif": "AIFF", ".aiff": "AIFF"}
SUFFIXES = (*LOSSLESS, *(suffix for suffix in CODERS if suffix not in LOSSLESS))
FULL_SCALE = 1 + 2.0**-13  # what dither adds beyond 1 is not worth a word


def write_audio(
    target: str | Path | Part,
    blocks: Iterable[Block],
    source: Format,
    like: Info | None = None,
    bit_rate: int | None = None,
    about: About | None = None,
    film: bool = False,
) -> None:
    """Write blocks to a file; its format follows from the suffix.

    The file appears when it is complete, and replaces one that exists. A Part appears when its owner says so.
    Bit depth is that of `like`, and what its file says about the recording is kept; without it, and for a lossy
    source, lossless formats are written with 24 bits. 16 bits and fewer are dithered (TPDF) unless the values lie
    on the grid already. A lossy format that does not know the sample rate gets the nearest it knows; `bit_rate`
    (bit/s) replaces its usual one.

    What goes beyond full scale is clipped where a format holds no floats, and a warning says by how much. Another
    warning names what the source says about the recording and the format cannot hold.

    Args:
        target: the name of the file, or a file begun already.
        blocks: the sound.
        source: its format.
        like: the recording that it was made from.
        bit_rate: of a lossy format.
        about: what to say about the recording, in place of what the file of `like` says.
        film: write the film of `like` again, with this sound in place of that of its track; .mp4, .mov, .mkv, .webm.

    Raises:
        AudioError: the suffix is unknown, the folder is missing or not writable, the disk is full, or the
            format cannot hold these channels.
    """
    if not isinstance(target, Part):
        check_target(Path(target))
        with Results(replace=True, likes=[like.path] if like else []) as results:
            return write_audio(results.open(target), blocks, source, like, bit_rate, about, film)
    if film and like:
        return write_film(target, _watched(blocks, target.path), source, like)
    if target.path.suffix.lower() not in SUFFIXES:
        raise AudioError(f"{target.path.suffix[1:]} is written of films only; write .wav or .m4a", path=target.path)
    if about is None:
        about = read_about(like.path) if like else About()
    said = about.at(like.format.sample_rate if like else 0, source.sample_rate)
    suffix, duration_s = target.path.suffix.lower(), like.duration_s if like else 0.0
    bits, floating = depth(suffix, like)
    if suffix not in LOSSLESS:
        encode(target, CODERS[suffix], _watched(blocks, target.path), source, said, duration_s, bit_rate=bit_rate)
    else:
        samples = blocks if floating else _quantised(_watched(blocks, target.path), bits)
        if suffix in CODERS:
            encode(target, CODERS[suffix], samples, source, said, duration_s, bits=bits)
        else:
            _write_pcm(target, samples, source, bits, floating, said)
    if lost := replace(said, chunks=about.chunks).lost_in(read_about(target.name)):
        log.warning("%s: %s cannot hold %s", target.path, target.path.suffix[1:], ", ".join(lost))


def write(path: str | Path, audio: Block, sample_rate: int) -> None:
    """Write a whole recording; an existing file is replaced once the new one is complete.

    Args:
        path: the file; its suffix says the format (.wav, .flac, .m4a, .mp3, .opus, ...). Lossless: 24 bits.
        audio: floats, shape (channels, frames) or (frames,), full scale at 1.
        sample_rate: in Hz.

    Raises:
        AudioError: the audio has the wrong type or shape, or holds NaN or infinity; the suffix is unknown; or the
            file cannot be written.
    """
    block = as_block(audio)
    write_audio(path, [block], Format(sample_rate, block.shape[0]))


def check_target(path: Path) -> None:
    """Raise AudioError if a recording can obviously not be written here."""
    if path.suffix.lower() not in (*SUFFIXES, *FILMS):
        raise AudioError(
            f"cannot write {path.suffix or 'a file without a suffix'}; known: {', '.join(SUFFIXES)}", path=path
        )
    destination(path)


def quantise(block: Block, bits: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Round to integers of so many bits, left-aligned in 32; with TPDF dither up to 16 bits.

    Samples that lie on the grid already, digital silence among them, are left as they are.
    """
    limit = 2 ** (bits - 1)
    scaled = np.clip(_steps(block, bits, rng), -limit, limit - 1)
    return np.left_shift(scaled.astype(np.int32), 32 - bits)


def on_one_grid(stems: Iterable[Block], bits: int) -> Iterator[Block]:
    """Round stems to steps of so many bits so that their sum stays as it is: all but the last as `quantise` does.

    What they lose or gain, the last one gets; it lies on the grid if the sum does. Nothing is clipped.

    Args:
        stems: blocks of shape (stems, channels, frames).
        bits: of the files that they are written to.
    """
    return map(partial(_together, bits=bits, rng=np.random.default_rng(0)), stems)


def _together(stems: Block, bits: int, rng: np.random.Generator) -> Block:
    count, channels, frames = stems[:-1].shape
    steps = _steps(stems[:-1].reshape(count * channels, frames), bits, rng)
    rounded = steps.astype(np.float32).reshape(count, channels, frames) * np.float32(2.0 ** (1 - bits))
    return np.concatenate([rounded, (stems.sum(axis=0) - rounded.sum(axis=0))[np.newaxis]])


def _steps(block: Block, bits: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Round to whole steps, dithered where few bits make rounding audible."""
    scaled = block.astype(np.float64) * 2.0 ** (bits - 1)
    if bits <= 16:
        draws = rng.random((block.shape[-1], block.shape[0], 2))  # in order of time: blocks do not matter
        dither = (draws[..., 0] - draws[..., 1]).T
        scaled += np.where(scaled == np.rint(scaled), 0.0, dither)
    return np.rint(scaled, out=scaled)


def depth(suffix: str, like: Info | None) -> tuple[int, bool]:
    """Return the bit depth that a lossless format is written with, and whether as floats."""
    bits, floating = (like.bits or 24, like.floating) if like else (24, False)
    if suffix in CODERS:
        return (16 if bits <= 16 else 24), False
    return (bits if floating else 8 * -(-bits // 8)), floating


def _write_pcm(
    part: Part, samples: Iterable[Samples], source: Format, bits: int, floating: bool, about: About
) -> None:
    kind = LOSSLESS[part.path.suffix.lower()]
    writer = {"WAV": Wav, "AIFF": Aiff}[kind](part, source, bits, floating, mask(speakers(source.layout)))
    before, behind = wav_chunks(about, source.sample_rate) if kind == "WAV" else ([], aiff_chunks(about))
    writer.begin(before)
    for block in samples:
        writer.write(block)
    writer.end(behind)


def _quantised(blocks: Iterable[Block], bits: int) -> Iterator[Samples]:
    rng = np.random.default_rng(0)
    for block in blocks:
        yield quantise(block, bits, rng)


def _watched(blocks: Iterable[Block], path: Path) -> Iterator[Block]:
    """Give blocks on to a format that ends at full scale; say at the end how far they go beyond it, if they do."""
    highest, beyond = 0.0, 0
    for block in blocks:
        levels = np.abs(block)
        highest = max(highest, float(levels.max(initial=0)))
        beyond += int((levels > FULL_SCALE).sum())
        yield block
    if beyond:
        over_db, s = 20 * np.log10(highest), "s" * (beyond > 1)
        log.warning(
            "%s: %d sample%s clipped, up to %.1f dB beyond full scale; turn the level down, or let master follow",
            path, beyond, s, over_db,
        )  # fmt: skip
