"""What may not come of any run."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np

from fuzz.trial import UNREADABLE, Trial

KINDS = (
    "traceback", "sentence", "exit code", "not finite", "short", "invented", "endless", "memory", "crash",
    "leftover", "harm", "code run", "batch",
)  # fmt: skip
"""Names of the findings, as columns of the table."""
CANARY = "PWNED"
"""A file that appears if an input was run as code."""
TOLERANCE_S = 0.1
"""Longer than the frame of any codec."""
PROBED = "stream=codec_name:packet=duration_time"
AUDIO = (".wav", ".flac", ".aiff", ".aif", ".m4a", ".mp3", ".opus", ".ogg", ".mp4", ".webm")
SILENCE_TOLD = re.compile(rb"([\d.]+) s of sound at")
RAW = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]")


def judge(trial: Trial, code: int) -> None:
    """Report what is wrong with how a run of the command line ended."""
    printed(trial, code)
    if code not in trial.codes:
        trial.report("exit code", code)
    after = trial.listing()
    new = [name for name in after if name not in trial.inputs]
    if CANARY in after:
        trial.report("code run")
    unfinished = [name for name in new if "/." in f"/{name}" or name.startswith("tmp/") or ".part" in name]
    if unfinished or (code not in (0, 1) and new and not trial.stdout):
        trial.report("leftover", unfinished or new)
    if not trial.changing:
        harmed = [name for name, was in trial.inputs.items() if after.get(name) not in (was, UNREADABLE)]
        if harmed:
            trial.report("harm", harmed)
    if code in (0, 1):
        for name in trial.results:
            if name not in after:
                trial.report("batch", name)
    for name in new:
        if name not in unfinished and Path(name).suffix.lower() in AUDIO:
            heard(trial, trial.folder / name, bool(trial.source) and code == 0)


def printed(trial: Trial, code: int) -> None:
    """Report what should not be in the terminal."""
    out, err = trial.out, trial.err
    if b"Traceback" in out + err or b"error of AURAL's own" in err:
        trial.report("traceback", err[-1500:].decode("utf-8", "replace"))
        return
    lines = [line for line in err.split(b"\n") if line.strip()]
    wrong = [word for word in (b"[Errno", b"Error opening", b"Exception ignored") if word in err]
    if code >= 2 and 2 not in trial.closed and (not lines or not lines[-1].startswith(b"aural: ")):
        wrong.append(b"no sentence")
    wrong += RAW.findall(out) + RAW.findall(err)
    if wrong:
        trial.report("sentence", f"{wrong[:3]} in {err[-700:] or out[-700:]!r}")
    if b"out of memory" in err and not trial.scarce:
        trial.report("memory", err[-300:])
    if "--json" in trial.arguments and out and code == 0:
        try:
            json.loads(out, parse_constant=lambda word: trial.report("not finite", word))
        except ValueError as error:
            trial.report("sentence", f"no JSON: {error}")


def heard(trial: Trial, path: Path, measure: bool) -> None:
    """Report a result that is not finite, or not as long as the recording it was made from."""
    import soundfile

    try:
        audio, rate = soundfile.read(path, always_2d=True, dtype="float32")
    except soundfile.LibsndfileError:
        return  # m4a, mp4, webm
    if not np.isfinite(audio).all():
        trial.report("not finite", path.name)
    if not measure or trial.changing:
        return
    lengths = reference(trial.folder / trial.source, rate)
    if not lengths:
        return
    silent_s = sum(float(seconds) for seconds in SILENCE_TOLD.findall(trial.err))  # FFmpeg leaves it out
    if len(audio) > max(lengths) + (TOLERANCE_S + silent_s) * rate:
        trial.report("invented", f"{path.name}: {len(audio)} frames of {lengths} at {rate} Hz")
    if len(audio) < min(lengths) - TOLERANCE_S * rate and not trial.err:
        trial.report("short", f"{path.name}: {len(audio)} frames of {lengths} at {rate} Hz")


def reference(path: Path, rate: int) -> list[int]:
    """Say how long FFmpeg's programs take a recording to be, in frames at this rate: all that may be right.

    That is what is decoded, packed or with the holes of the time stamps filled; and the sum of the packets, for the
    program leaves out those that are damaged. Of an MP3 it leaves out what cannot be decoded without the lost ones.
    It takes the ADPCM of NMS, which libsndfile writes into WAV files, for AMR: of these it says nothing.
    """
    decode = ["ffmpeg", "-v", "quiet", "-nostdin", "-i", f"file:{path}", "-map", "0:a:0"]
    raw = ["-t", "60", "-ac", "1", "-ar", str(rate), "-f", "s16le", "pipe:1"]
    filled = ["-af", "aresample=async=1:first_pts=0"]
    counts = [len(_output([*decode, *filters, *raw])) // 2 for filters in ([], filled)]
    probe = [
        "ffprobe",
        "-v",
        "quiet",
        "-select_streams",
        "a:0",
        "-show_entries",
        "stream=codec_name:packet=duration_time",
    ]
    packets, *codec = _output([*probe, "-of", "default=nk=1:nw=1", f"file:{path}"]).decode().rsplit("\n", 2)
    if "amr_nb" in codec and path.read_bytes()[:4] == b"RIFF":
        return []
    if "mp3" not in codec:
        counts.append(round(rate * sum(float(word) for word in packets.split() if word != "N/A")))
    return [count for count in counts if count]


def _output(command: list[str]) -> bytes:
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return b""
