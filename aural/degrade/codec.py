"""Lossy coding, and packets lost on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np

from aural.degrade.fourier import shaped_noise
from aural.degrade.take import Audio, Degradation, Take
from aural.errors import AuralError, ParameterError
from aural.parameters import param
from aural.signals import Block

LOSSY = ("mp3", "aac")
TAIL_S = 0.05  # some decoders leave out as many frames at the end as they are late
PROBE_S = 1.0
FADE = 0.7
JOINT_S = 0.0025


@dataclass(frozen=True)
class LossyCoder:
    """A codec by FFmpeg's names, the bit rates in bit/s at which phones use it, and those it takes."""

    encoder: str
    decoder: str
    bit_rates: tuple[int, ...]
    span: tuple[int, int]
    """Lowest and highest bit rate, in bit/s."""
    rates: tuple[int, ...] = ()
    """Sample rates in Hz, where the encoder does not tell them."""


CODERS = {
    "aac": LossyCoder("aac", "aac", (24_000, 32_000, 48_000, 64_000, 96_000), (12_000, 256_000)),
    "amr": LossyCoder(
        "libopencore_amrnb", "amrnb", (4_750, 5_900, 6_700, 7_400, 7_950, 10_200, 12_200), (4_750, 12_200), (8000,)
    ),
    "mp3": LossyCoder("libmp3lame", "mp3float", (32_000, 48_000, 64_000, 96_000), (8_000, 256_000)),
    "opus": LossyCoder("libopus", "opus", (8_000, 12_000, 16_000, 24_000, 32_000, 64_000), (6_000, 256_000)),
}
VARIABLE = {"vorbis": ("OGG", "VORBIS", None), "mp3": ("MP3", "MPEG_LAYER_III", "VARIABLE")}
"""Container, coding and bit rate mode by libsndfile's names."""


@dataclass(frozen=True)
class Codec(Degradation):
    """A lossy codec, there and back by FFmpeg; only the noisy signal goes through it. It stays in time.

    Raises:
        ParameterError: the codec has no such bit rate.
        AuralError: the FFmpeg of this PyAV lacks the codec; the sentence names those it has.
    """

    name: str = param("aac", "Which codec", choices=tuple(CODERS))
    bit_rate: int = param(32_000, "Bits per second", unit="bit/s", low=4_750, high=256_000)
    sample_rate: int | None = param(None, "Sample rate at which it is coded; if not given, the nearest to the "
                                    "signal's", unit="Hz", low=8000, high=48000)  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        lowest, highest = CODERS[self.name].span
        if not lowest <= self.bit_rate <= highest:
            raise ParameterError(
                f"{self.name} takes a bit_rate from {lowest} to {highest} bit/s, got {self.bit_rate}",
                stage="Codec",
            )

    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        return replace(take, noisy=self.there_and_back(take.noisy[np.newaxis], take.sample_rate)[0])

    def there_and_back(self, audio: Block, sample_rate: int) -> Block:
        """Encode and decode one or two channels, shape (channels, frames); two are coded jointly. It stays in time.

        Raises:
            AuralError: as above.
        """
        if self.name not in codecs():
            raise AuralError(f"this PyAV cannot write {self.name}; it can write {', '.join(codecs())}", stage="Codec")
        late, frames = _delay(self, sample_rate), audio.shape[-1]
        return np.pad(_coded(audio, sample_rate, self), ((0, 0), (0, frames)))[:, late : late + frames]


@dataclass(frozen=True)
class VariableCodec(Degradation):
    """A lossy codec at a quality instead of a bit rate, there and back by libsndfile: Vorbis, or MP3 as LAME's VBR.

    Only the noisy signal goes through it. It stays in time.
    """

    name: str = param("vorbis", "Which codec", choices=tuple(VARIABLE))
    quality: float = param(0.3, "Quality, 1 the best: 0.3 is quality 3 of Vorbis, or V7 of LAME", low=0.1, high=1.0)

    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        return replace(take, noisy=self.there_and_back(take.noisy[np.newaxis], take.sample_rate)[0])

    def there_and_back(self, audio: Block, sample_rate: int) -> Block:
        """Encode and decode one or two channels, shape (channels, frames); two are coded jointly."""
        import soundfile

        container, subtype, mode = VARIABLE[self.name]
        frames, file = audio.shape[-1], BytesIO()
        with soundfile.SoundFile(
            file, "w", sample_rate, len(audio), subtype, format=container,
            compression_level=1 - self.quality, bitrate_mode=mode,
        ) as out:  # fmt: skip
            out.write(np.clip(audio, -1, 1).T)
        file.seek(0)
        decoded, _ = soundfile.read(file, frames, dtype="float32", always_2d=True)
        return np.pad(decoded.T, ((0, 0), (0, frames - len(decoded))))


@cache
def codecs() -> tuple[str, ...]:
    """List the codecs that this PyAV can write and read."""
    import av

    return tuple(name for name, coder in CODERS.items() if {coder.encoder, coder.decoder} <= av.codecs_available)


@cache
def _delay(codec: Codec, sample_rate: int) -> int:
    """Measure how many frames late a codec is: the likeness of differences, as codecs turn the phase of the bass."""
    from scipy.signal import correlate

    rng = np.random.default_rng(0)
    noise = shaped_noise(round(PROBE_S * sample_rate), sample_rate, lambda hz: 1 / np.maximum(hz, 100), rng)
    noise *= np.float32(0.1 / np.std(noise))
    likeness = correlate(np.diff(_coded(noise[np.newaxis], sample_rate, codec)[0]), np.diff(noise), method="fft")
    return max(0, int(np.argmax(likeness)) - (noise.size - 2))


def _coded(audio: Block, sample_rate: int, codec: Codec) -> Block:
    """Encode and decode channels; late by the codec's delay, and a little longer."""
    import av
    import soxr

    coder, wanted = CODERS[codec.name], codec.sample_rate or sample_rate
    rates = coder.rates or av.Codec(coder.encoder, "w").audio_rates or [wanted]
    rate = min(rates, key=lambda rate: (abs(rate - wanted), -rate))
    layout = "mono" if len(audio) == 1 else "stereo"
    encoder, decoder = _contexts(coder, rate, codec.bit_rate, layout)
    padded = np.pad(np.clip(audio, -1, 1), ((0, 0), (0, round(TAIL_S * sample_rate))))
    sound = np.ascontiguousarray(soxr.resample(padded.T, sample_rate, rate).T, np.float32)
    frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout=layout)
    frame.sample_rate, frame.pts = rate, 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    decoder.extradata = encoder.extradata
    frames = [frame for packet in (*packets, None) for frame in decoder.decode(packet)]
    decoded = np.concatenate([frame.to_ndarray() for frame in frames], axis=-1)
    return soxr.resample(decoded.T, frames[0].sample_rate, sample_rate).T.astype(np.float32, copy=False)


def _contexts(coder: LossyCoder, rate: int, bit_rate: int, layout: str) -> tuple[Any, Any]:
    import av

    encoder: Any = av.CodecContext.create(coder.encoder, "w")
    decoder: Any = av.CodecContext.create(coder.decoder, "r")
    encoder.format, encoder.bit_rate = encoder.codec.audio_formats[0], bit_rate
    for context in (encoder, decoder):
        context.sample_rate, context.layout = rate, layout
    return encoder, decoder


def lossy(audio: Audio, sample_rate: int, rng: np.random.Generator) -> Audio:
    """Send audio through MP3 or AAC at one of their bit rates, as music is sent. It stays in time."""
    names = [name for name in codecs() if name in LOSSY]
    name = names[int(rng.integers(len(names)))]
    return Codec(name, int(rng.choice(CODERS[name].bit_rates)))(Take.of(audio, sample_rate), rng).noisy


@dataclass(frozen=True)
class PacketLoss(Degradation):
    """Lost packets of a call: the receiver repeats the last one backwards and fades out. Only in the noisy signal.

    References:
        E. N. Gilbert: Capacity of a burst-noise channel, Bell System Technical Journal 39, 1960.
    """

    loss: float = param(0.05, "Fraction of packets lost", low=0.0, high=0.5)
    burst: float = param(1.5, "Mean number of packets lost in a row", low=1.0, high=20.0)
    packet_ms: float = param(20.0, "Length of a packet", unit="ms", low=5.0, high=120.0)

    def __call__(self, take: Take, rng: np.random.Generator) -> Take:
        from scipy.ndimage import uniform_filter1d

        frames = take.noisy.size
        size = max(1, round(self.packet_ms * take.sample_rate / 1000))
        sent = np.pad(take.noisy, (0, -frames % size)).reshape(-1, size)
        received, lost = sent.copy(), self.lost(len(sent), rng)
        fade = np.linspace(1, FADE, size, dtype=np.float32)
        for index in np.flatnonzero(lost):
            received[index] = fade * received[index - 1, ::-1] if index else 0
        inside = uniform_filter1d(np.repeat(lost, size).astype(np.float32), max(1, round(JOINT_S * take.sample_rate)))
        weight = np.clip(2 * inside - 1, 0, 1)  # 0 at the edges of what is lost: the joints make no clicks
        return replace(take, noisy=(sent.ravel() + weight * (received - sent).ravel())[:frames])

    def lost(self, packets: int, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Draw which packets are lost, by Gilbert's model: losing one makes losing the next likelier."""
        begin, stay = self.loss / max(self.burst * (1 - self.loss), self.loss), 1 - 1 / self.burst
        lost, state = [], rng.random() < self.loss
        for chance in rng.random(packets):
            lost.append(state)
            state = chance < (stay if state else begin)
        return np.array(lost, bool)
