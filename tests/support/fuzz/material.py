"""Small good recordings of every format that AURAL reads, and odd words."""

from __future__ import annotations

import pickle
import shutil
import subprocess
from pathlib import Path

import numpy as np
import soundfile

from aural.testing import SAMPLE_RATE, probe

SECONDS = 0.8
BY_SOUNDFILE = {
    "pcm16.wav": ("WAV", "PCM_16"),
    "pcm24.wav": ("WAV", "PCM_24"),
    "float.wav": ("WAV", "FLOAT"),
    "u8.wav": ("WAV", "PCM_U8"),
    "alaw.wav": ("WAV", "ALAW"),
    "ima.wav": ("WAV", "IMA_ADPCM"),
    "ms.wav": ("WAV", "MS_ADPCM"),
    "gsm.wav": ("WAV", "GSM610"),
    "nms.wav": ("WAV", "NMS_ADPCM_32"),
    "rf64.wav": ("RF64", "PCM_16"),
    "w64.w64": ("W64", "PCM_16"),
    "pcm16.aiff": ("AIFF", "PCM_16"),
    "pcm16.au": ("AU", "PCM_16"),
    "g721.au": ("AU", "G721_32"),
    "alac.caf": ("CAF", "ALAC_16"),
    "pcm.caf": ("CAF", "PCM_24"),
    "dpcm.xi": ("XI", "DPCM_16"),
    "flac16.flac": ("FLAC", "PCM_16"),
    "vorbis.ogg": ("OGG", "VORBIS"),
    "snd.mp3": ("MP3", "MPEG_LAYER_III"),
}
BY_FFMPEG = {
    "cbr.mp3": ["-c:a", "libmp3lame", "-b:a", "96k"],
    "vbr.mp3": ["-c:a", "libmp3lame", "-q:a", "6", "-write_xing", "0"],
    "opus.opus": ["-c:a", "libopus"],
    "opus.webm": ["-c:a", "libopus"],
    "aac.m4a": ["-c:a", "aac"],
    "aac.aac": ["-c:a", "aac", "-f", "adts"],
    "alac.m4a": ["-c:a", "alac"],
    "aac.mp4": ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"],
    "aac.3gp": ["-c:a", "aac"],
    "pcm.mov": ["-c:a", "pcm_s16be"],
    "flac.mka": ["-c:a", "flac"],
    "wv.wv": ["-c:a", "wavpack"],
    "tta.tta": ["-c:a", "tta"],
    "wma.wma": ["-c:a", "wmav2"],
    "ac3.ac3": ["-c:a", "ac3"],
    "mp2.mp2": ["-c:a", "mp2"],
    "mp3.avi": ["-c:a", "libmp3lame"],
    "flac.ogg": ["-c:a", "flac", "-f", "ogg"],
    "ts.ts": ["-c:a", "aac", "-f", "mpegts"],
}


class Evil:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("touch PWNED",)


def make(folder: Path) -> None:
    """Write the recordings into a folder."""
    folder.mkdir(parents=True)
    audio = probe("voice", SECONDS, 2).T
    for name, (container, subtype) in BY_SOUNDFILE.items():
        rate, data = (8000, audio[::6, :1]) if subtype in ("GSM610", "NMS_ADPCM_32", "G721_32") else (48000, audio)
        data = data[:, :1] if container == "XI" else data
        try:
            soundfile.write(folder / name, data, 44100 if container == "XI" else rate, subtype, format=container)
        except (soundfile.LibsndfileError, ValueError):
            (folder / name).unlink(missing_ok=True)  # an older libsndfile
    tags = ["-metadata", "title=Song [live]", "-metadata", "artist=A\x1b[31mB"]
    for name, options in BY_FFMPEG.items() if shutil.which("ffmpeg") else ():
        command = ["ffmpeg", "-v", "quiet", "-nostdin", "-y", "-i", str(folder / "pcm16.wav"), *tags, *options]
        if subprocess.run([*command, str(folder / name)]).returncode:
            (folder / name).unlink(missing_ok=True)


def files(folder: Path) -> list[Path]:
    """List the recordings in a fixed order."""
    return sorted(folder.iterdir())


def good(folder: Path, name: str = "good.wav", seconds: float = 0.3) -> None:
    """Write a recording that nothing is wrong with."""
    soundfile.write(folder / name, 0.3 * probe("voice", seconds, 1).T, SAMPLE_RATE, "PCM_16", format="WAV")


def traps(folder: Path) -> None:
    """Write files that run a command if they are unpickled."""
    for name in ("evil.th", "evil.wav", "evil.safetensors", "last.ckpt"):
        (folder / name).write_bytes(pickle.dumps(Evil()))
    (folder / "evil.yaml").write_text('!!python/object/apply:os.system ["touch PWNED"]\n')
    (folder / "bag.yaml").write_text("models: [evil]\n")


NUMBERS = (
    "nan", "inf", "-inf", "1e309", "-1e309", "1e-320", "0", "-0", "-1", "1", "2", "0.5", "9" * 400, "1" * 5000,
    "0x10",
    "1_000", "١٢", "1e5", "-70", "1,2,3", "1,,2", "nan,1", "1e400,2", "2147483648", "9223372036854775808",
    "-3.7", "1e30",
)  # fmt: skip
WORDS = (
    "", " ", "-", "--", "-f", "none", "true", ".", "good.wav", "evil.th", "evil.wav", "evil.safetensors", "bag.yaml",
    "/dev/zero", "/dev/null", "/proc/self/mem", "a" * 300, "b/" * 2500, "new\nline", "\x1b[31mred", "\u202etxt.wav",
    "byte\udcff.wav", "[bold]x[/]", "song [live].wav", "file:good.wav", "http://127.0.0.1:9/x.wav", "hf://user/name",
    "pipe:0", "concat:good.wav|good.wav", "data:,", "x=1", "good=1", "=", "peak:1000:3", "peak:nan:1e400",
    "0-1", "é", "😀",
    "~", "x.toml", "podcast", "good.wav/x.wav", "evil.wav=evil.wav",
)  # fmt: skip


def word(rng: np.random.Generator) -> str:
    """Give a value that nobody would give."""
    if rng.random() < 0.8:
        return WORDS[rng.integers(len(WORDS))]
    return "".join(chr(rng.integers(1, 0x2FF)) for _ in range(rng.integers(1, 30)))


def number(rng: np.random.Generator) -> str:
    """Give a number, often one that nobody would give."""
    if rng.random() < 0.5:
        return NUMBERS[rng.integers(len(NUMBERS))]
    return f"{rng.normal() * 10 ** rng.uniform(-3, 6):.6g}"
