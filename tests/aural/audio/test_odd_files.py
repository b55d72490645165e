"""Odd and damaged files: nothing invented, nothing lost, nothing unsaid."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from containers import ffmpeg, needs_ffmpeg, tones
from odd_files import FRAMES, RATE, chunk, coded, extensible, fmt, noise, odd_wavs, ogg_crc, pcm, riff, written

from aural.audio.files import open_audio, read
from aural.signals import Block

AUDIO = noise()
MP3 = "-c:a libmp3lame -b:a 128k -id3v2_version 0"


@pytest.mark.parametrize("kind", odd_wavs(AUDIO))
def test_odd_wav_headers(tmp_path: Path, kind: str) -> None:
    file = open_audio(written(tmp_path, "a.wav", odd_wavs(AUDIO)[kind]))
    assert (file.format.sample_rate, file.format.layout, file.info.bits) == (RATE, "stereo", 16)
    audio = np.concatenate(list(file), axis=-1)
    np.testing.assert_array_equal(audio[:, :FRAMES], AUDIO)
    assert audio.shape[1] == FRAMES


def test_24_bits_in_32(tmp_path: Path) -> None:
    data = np.rint(AUDIO.T * 2**31).astype("<i4").tobytes()
    path = written(tmp_path, "a.wav", riff(extensible(2, 3, 32, 24), chunk(b"data", data)))
    np.testing.assert_array_equal(read(path)[0], AUDIO)


@pytest.mark.parametrize(
    ("mask", "layout"),
    [(0x3F, "5.1"), (0x60F, "5.1(side)"), (0x63F, "7.1"), (0x33, "quad"), (0x107, "4.0"), (0xB, "2.1"), (0, "quad")],
)
def test_the_channel_mask_is_kept(tmp_path: Path, mask: int, layout: str) -> None:
    channels = mask.bit_count() or 4
    path = written(tmp_path, "a.wav", riff(extensible(channels, mask), chunk(b"data", pcm(noise(channels)))))
    assert open_audio(path).format.layout == layout
    np.testing.assert_array_equal(read(path)[0], noise(channels))


@needs_ffmpeg
def test_no_frame_comes_twice(tmp_path: Path) -> None:
    """An estimate from the size of the file, which holds a picture, is no promise: libsndfile repeated its buffer."""
    mp3 = coded(tmp_path, "a.mp3", AUDIO, f"{MP3} -write_xing 0")
    picture = b"image/jpeg\0\3\0\xff\xd8" + bytes(400_000)
    frame = b"APIC" + syncsafe(len(picture) + 1) + b"\0\0\0" + picture
    path = written(tmp_path, "a.mp3", b"ID3\4\0\0" + syncsafe(len(frame)) + frame + mp3)
    assert read(path)[0].shape[1] == read(written(tmp_path, "b.mp3", mp3))[0].shape[1] <= FRAMES + 3 * 1152


def syncsafe(size: int) -> bytes:
    return bytes(size >> shift & 127 for shift in (21, 14, 7, 0))


@needs_ffmpeg
def test_mp3_of_varying_bit_rate_without_index(tmp_path: Path) -> None:
    audio = np.concatenate([noise(frames=RATE), 0 * noise(frames=RATE)], axis=-1)
    for name, signal in (("loud first", audio), ("quiet first", audio[:, ::-1])):
        data = coded(tmp_path, "a.mp3", signal, "-c:a libmp3lame -q:a 0 -write_xing 0")
        result = read(written(tmp_path, "a.mp3", data))[0]
        assert 2 * RATE <= result.shape[1] <= 2 * RATE + 3 * 1152, name


@needs_ffmpeg
@pytest.mark.parametrize("tail", [bytes(60_000), b"APETAGEX" + bytes(60_000), b"TAG" + bytes(125)])
def test_what_stands_behind_mp3_is_no_sound(tmp_path: Path, tail: bytes, caplog: pytest.LogCaptureFixture) -> None:
    mp3 = coded(tmp_path, "a.mp3", AUDIO, f"{MP3} -write_xing 0")
    plain, tailed = written(tmp_path, "a.mp3", mp3), written(tmp_path, "b.mp3", mp3 + tail)
    np.testing.assert_array_equal(read(plain)[0], read(tailed)[0])
    assert not caplog.text


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "options"),
    [("a.mp3", MP3), ("a.mp3", f"{MP3} -write_xing 0"), ("a.aac", "-c:a aac"), ("a.ogg", "-c:a libvorbis"),
     ("a.opus", "-c:a libopus"), ("a.oga", "-c:a flac"), ("a.flac", "-c:a flac")],
)  # fmt: skip
def test_joined_files_are_read_to_the_end(tmp_path: Path, name: str, options: str) -> None:
    data = coded(tmp_path, name, AUDIO, options)
    once, _ = read(written(tmp_path, name, data))
    twice, _ = read(written(tmp_path, name, data + data))
    assert 0 <= twice.shape[1] - 2 * once.shape[1] <= 4 * 1152 * (name == "a.mp3")
    if name.startswith(("a.o", "a.flac")):
        np.testing.assert_allclose(twice, np.tile(once, 2), atol=1e-6)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("suffix", "options"), [("ogg", "-c:a libvorbis"), ("mp3", f"{MP3} -write_xing 0"), ("aac", "-c:a aac")]
)
def test_a_rate_that_changes(tmp_path: Path, suffix: str, options: str, caplog: pytest.LogCaptureFixture) -> None:
    first = coded(tmp_path, f"a.{suffix}", tones(48000, 2, 1.0), options)
    second = coded(tmp_path, f"b.{suffix}", tones(24000, 2, 1.0), options, rate=24000)
    audio, rate = read(written(tmp_path, f"c.{suffix}", first + second))
    assert rate == 48000
    assert audio.shape[1] == pytest.approx(2 * RATE, abs=5 * 1152)
    half = audio[:, -RATE // 2 - 4000 : -8000].astype(np.float64)
    for channel, hz in enumerate((200, 300)):
        assert loudest_hz(half[channel]) == pytest.approx(hz, abs=4)
    assert caplog.text.count("changes from 48000 Hz, stereo to 24000 Hz, stereo on the way") == 1


@needs_ffmpeg
@pytest.mark.parametrize(("suffix", "options"), [("opus", "-c:a libopus"), ("mp3", MP3), ("aac", "-c:a aac")])
def test_channels_that_change(tmp_path: Path, suffix: str, options: str) -> None:
    first = coded(tmp_path, f"a.{suffix}", tones(48000, 2), options)
    second = coded(tmp_path, f"b.{suffix}", tones(48000, 1), options)
    audio, _ = read(written(tmp_path, f"c.{suffix}", first + second))
    assert audio.shape[0] == 2
    tail = audio[:, -12000:-6000]
    np.testing.assert_allclose(tail[0], tail[1], atol=1e-6)
    assert np.abs(tail).max() == pytest.approx(0.2 / np.sqrt(2), abs=0.01)  # equally loud in two


def loudest_hz(signal: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(signal.size), 1 << 18))
    return float(np.argmax(spectrum)) * RATE / (1 << 18)


@needs_ffmpeg
def test_flac_of_unknown_length(tmp_path: Path) -> None:
    data = bytearray(coded(tmp_path, "a.flac", AUDIO, "-c:a flac"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    np.testing.assert_array_equal(read(written(tmp_path, "a.flac", bytes(data)))[0], AUDIO)


@needs_ffmpeg
@pytest.mark.parametrize("rate", [0, 16000, 44100, 96000])
def test_opus_is_at_48_khz(tmp_path: Path, rate: int) -> None:
    data = coded(tmp_path, "a.opus", AUDIO, "-c:a libopus")
    head = data.index(b"OpusHead")
    page = bytearray(data)
    struct.pack_into("<I", page, head + 12, rate)
    end = 27 + data[26] + sum(data[27 : 27 + data[26]])
    page[22:26] = bytes(4)
    struct.pack_into("<I", page, 22, ogg_crc(bytes(page[:end])))
    audio, heard = read(written(tmp_path, "b.opus", bytes(page)))
    assert heard == 48000
    np.testing.assert_array_equal(audio, read(written(tmp_path, "a.opus", data))[0])


@needs_ffmpeg
@pytest.mark.parametrize(("codec", "layout"), [("libvorbis", "5.1"), ("libopus", "5.1"), ("libvorbis", "7.1"),
                                               ("libopus", "7.1"), ("flac", "7.1")])  # fmt: skip
def test_surround_comes_in_the_order_of_wav(tmp_path: Path, codec: str, layout: str) -> None:
    channels = 6 if layout == "5.1" else 8
    source = written(tmp_path, "a.wav", riff(fmt(channels), chunk(b"data", pcm(tones(RATE, channels)))))
    path = tmp_path / "a.ogg"
    ffmpeg("-channel_layout", layout, "-i", str(source), "-c:a", codec, "-b:a", "800k", str(path))
    assert open_audio(path).format.layout == layout
    for channel, row in enumerate(read(path)[0].astype(np.float64)):
        if channel != 3 or codec == "flac":  # the low-frequency channel ends at 120 Hz in Opus
            assert loudest_hz(row) == pytest.approx(100 * (channel + 2), abs=8)


@needs_ffmpeg
def test_the_ends_of_m4a(tmp_path: Path) -> None:
    for frames in (44101, 50000, 48128):
        data = coded(tmp_path, "a.m4a", noise(1, frames), "-c:a aac")
        audio = read(written(tmp_path, "a.m4a", data))[0]
        assert audio.shape[1] == frames
        tone = coded(tmp_path, "a.m4a", tones(RATE, 1, frames / RATE), "-c:a aac -b:a 192k")
        np.testing.assert_allclose(
            read(written(tmp_path, "a.m4a", tone))[0], tones(RATE, 1, frames / RATE), atol=0.02
        )


@needs_ffmpeg
def test_the_ends_of_m4a_as_itunes_tells_them(tmp_path: Path) -> None:
    whole = read(written(tmp_path, "a.m4a", coded(tmp_path, "a.m4a", noise(1, 50000), "-c:a aac")))[0]
    bare = coded(tmp_path, "a.m4a", noise(1, 50000), "-c:a aac -use_editlist 0")
    audio = read(written(tmp_path, "a.m4a", with_itunes_length(bare, priming=1024, frames=49900)))[0]
    np.testing.assert_array_equal(audio, whole[:, :49900])


def with_itunes_length(m4a: bytes, priming: int, frames: int) -> bytes:
    """Put iTunes' own note of the length into an MP4 file whose index stands at the end."""

    def box(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + name + body

    text = f" 00000000 {priming:08X} 00000000 {frames:016X}".encode()
    name = box(b"mean", bytes(4) + b"com.apple.iTunes") + box(b"name", bytes(4) + b"iTunSMPB")
    tag = box(b"----", name + box(b"data", b"\0\0\0\1" + bytes(4) + text))
    data = bytearray(m4a)
    for parent in (b"moov", b"udta", b"meta", b"ilst"):
        at = data.rindex(parent) - 4
        struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + len(tag))
    at = data.rindex(b"ilst") + 4
    data[at:at] = tag
    return bytes(data)


@needs_ffmpeg
def test_float_keeps_what_lies_beyond_full_scale(tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    loud = 4 * AUDIO / np.abs(AUDIO).max()
    soundfile.write(source, loud.T, RATE, "FLOAT")
    for name, codec in (("a.mkv", "pcm_f32le"), ("a.mov", "pcm_f32le"), ("a.wv", "wavpack"), ("a.caf", "pcm_f32be")):
        ffmpeg("-i", str(source), "-c:a", codec, str(tmp_path / name))
        np.testing.assert_array_equal(read(tmp_path / name)[0], loud)
        assert (open_audio(tmp_path / name).info.bits, open_audio(tmp_path / name).info.floating) == (32, True)


@needs_ffmpeg
@pytest.mark.parametrize(("name", "codec", "bits"), [("a.wv", "wavpack -sample_fmt s16p", 16), ("a.tta", "tta", 16),
    ("a.m4a", "alac -sample_fmt s16p", 16), ("a.m4a", "alac -sample_fmt s32p", 24), ("a.mp3", "libmp3lame", None),
    ("a.wav", "pcm_s32le", 32), ("a.avi", "pcm_u8", 8), ("a.mka", "flac", 16)])  # fmt: skip
def test_bit_depth(tmp_path: Path, name: str, codec: str, bits: int | None) -> None:
    data = coded(tmp_path, name, AUDIO, f"-c:a {codec}")
    info = open_audio(written(tmp_path, name, data)).info
    assert (info.bits, info.floating) == (bits, False)


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts", "a.avi"])
def test_a_video_whose_sound_is_shorter_or_later(tmp_path: Path, name: str) -> None:
    source = written(tmp_path, "a.wav", riff(fmt(), chunk(b"data", pcm(AUDIO))))
    picture = ("-f", "lavfi", "-i", "color=s=32x32:d=3:r=10")
    codec = ("-c:v", "mpeg4", "-c:a", "libmp3lame" if name == "a.avi" else "aac")
    for offset in ("0", "2"):
        ffmpeg(*picture, "-itsoffset", offset, "-i", str(source), *codec, str(tmp_path / name))
        audio = read(tmp_path / name)[0]
        assert FRAMES <= audio.shape[1] <= FRAMES + 4096
        info = open_audio(tmp_path / name).info
        assert info.starts_at_s == pytest.approx(int(offset) * (name != "a.avi"), abs=0.05)


@needs_ffmpeg
def test_which_of_several_sound_tracks(tmp_path: Path) -> None:
    for number in (1, 2):
        written(tmp_path, f"{number}.wav", riff(fmt(), chunk(b"data", pcm(noise(seed=number)))))
    inputs = [word for number in (1, 2) for word in ("-i", str(tmp_path / f"{number}.wav"))]
    maps = ["-map", "0:a", "-map", "1:a", "-c:a", "pcm_s16le", "-disposition:a:0", "0", "-disposition:a:1", "default"]
    ffmpeg(*inputs, *maps, str(tmp_path / "a.mkv"))
    info = open_audio(tmp_path / "a.mkv").info
    assert (info.track, info.tracks) == (2, 2)
    np.testing.assert_array_equal(read(tmp_path / "a.mkv")[0], noise(seed=2))


@pytest.mark.parametrize(
    "subtype", ["GSM610", "G721_32", "G723_24", "NMS_ADPCM_32", "DPCM_16", "DPCM_8", "VOX_ADPCM"]
)
def test_telephone_codecs_of_libsndfile(tmp_path: Path, subtype: str) -> None:
    container = {"DPCM_16": "XI", "DPCM_8": "XI", "G721_32": "AU", "G723_24": "AU"}.get(subtype, "WAV")
    if not soundfile.check_format(container, subtype):
        pytest.skip("libsndfile writes no such file")
    tone = tones(8000 if container != "XI" else 44100, 1, 1.0)
    rate = 8000 if container != "XI" else 44100
    soundfile.write(tmp_path / "a.x", tone[0], rate, subtype, format=container)
    audio, heard = read(tmp_path / "a.x")
    assert heard == rate
    assert rate <= audio.shape[1] <= rate + 400
    if not subtype.startswith("DPCM_8"):
        assert np.corrcoef(audio[0, :rate], tone[0])[0, 1] > 0.95


def test_a_name_that_is_no_utf_8(tmp_path: Path) -> None:
    data = riff(fmt(), chunk(b"data", pcm(AUDIO)))
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.w\xe9v")
    Path(name).write_bytes(data)
    np.testing.assert_array_equal(read(name)[0], AUDIO)


@needs_ffmpeg
def test_a_link_of_another_kind_behind_an_ogg_file(tmp_path: Path) -> None:
    """An Ogg file followed by an Opus file declared 2^63 frames and never ended."""
    vorbis = coded(tmp_path, "a.ogg", AUDIO, "-c:a libvorbis")
    opus = coded(tmp_path, "a.opus", AUDIO, "-c:a libopus")
    assert read(written(tmp_path, "b.ogg", vorbis + opus))[0].shape[1] == 2 * FRAMES
    assert read(written(tmp_path, "b.ogg", opus + vorbis))[0].shape[1] == 2 * FRAMES


def test_blocks_are_of_one_kind(tmp_path: Path) -> None:
    audio: Block = noise(frames=3 * RATE)
    file = open_audio(written(tmp_path, "a.wav", riff(fmt(), chunk(b"data", pcm(audio)))))
    blocks = list(file)
    assert all(block.dtype == np.float32 and block.flags.c_contiguous for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks, axis=-1), audio)
