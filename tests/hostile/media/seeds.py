"""Good files to bend: one of each container and codec that FFmpeg writes here, and small recordings where present."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from tests.data import media_files as files

SECONDS = 0.4
SMALL = 70_000
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov", "frag_duration": "100000"}
WRITTEN: tuple[tuple[str, str, int, int, dict[str, str]], ...] = (
    ("wav", "pcm_s16le", 16_000, 2, {}),
    ("wav", "pcm_s24le", 16_000, 6, {}),
    ("wav", "pcm_mulaw", 8_000, 1, {}),
    ("wav", "adpcm_ms", 16_000, 1, {}),
    ("wav", "adpcm_ima_wav", 16_000, 2, {}),
    ("wav", "adpcm_yamaha", 16_000, 1, {}),
    ("wav", "g722", 16_000, 1, {}),
    ("wav", "g726", 8_000, 1, {}),
    ("w64", "pcm_s16le", 16_000, 1, {}),
    ("flac", "flac", 44_100, 2, {}),
    ("mp3", "libmp3lame", 44_100, 1, {}),
    ("mp2", "mp2", 44_100, 1, {}),
    ("ogg", "libopus", 48_000, 1, {}),
    ("ogg", "vorbis", 44_100, 2, {}),
    ("ogg", "flac", 44_100, 1, {}),
    ("mp4", "aac", 44_100, 1, {}),
    ("mp4", "aac", 44_100, 2, FRAGMENTED),
    ("mov", "pcm_s16le", 16_000, 2, {}),
    ("mov", "adpcm_ima_qt", 16_000, 1, {}),
    ("ipod", "alac", 44_100, 2, {}),
    ("3gp", "libopencore_amrnb", 8_000, 1, {}),
    ("webm", "libopus", 48_000, 1, {}),
    ("webm", "vorbis", 44_100, 2, {}),
    ("matroska", "flac", 44_100, 1, {}),
    ("matroska", "ac3", 48_000, 2, {}),
    ("caf", "pcm_s16le", 16_000, 1, {}),
    ("caf", "alac", 44_100, 1, {}),
    ("caf", "adpcm_ima_qt", 16_000, 2, {}),
    ("caf", "libopencore_amrnb", 8_000, 1, {}),
    ("aiff", "pcm_s16be", 16_000, 2, {}),
    ("au", "pcm_mulaw", 8_000, 1, {}),
    ("amr", "libopencore_amrnb", 8_000, 1, {}),
    ("adts", "aac", 44_100, 1, {}),
    ("wv", "wavpack", 44_100, 1, {}),
    ("avi", "libmp3lame", 44_100, 1, {}),
    ("flv", "nellymoser", 44_100, 1, {}),
    ("mpegts", "aac", 44_100, 1, {}),
    ("mpegts", "eac3", 48_000, 2, {}),
    ("ac3", "ac3", 48_000, 6, {}),
    ("eac3", "eac3", 48_000, 2, {}),
    ("tta", "tta", 44_100, 2, {}),
    ("latm", "aac", 44_100, 2, {}),
    ("asf", "wmav2", 44_100, 2, {}),
    ("mxf_opatom", "pcm_s16le", 48_000, 1, {}),
)
FILMS: tuple[tuple[str, str, str, int], ...] = (
    ("vob", "mpeg2video", "ac3", 48_000),
    ("mpeg", "mpeg1video", "mp2", 44_100),
    ("mxf", "mpeg2video", "pcm_s24le", 48_000),
)


@dataclass(frozen=True, slots=True)
class Seed:
    """A good file."""

    name: str
    data: bytes


def seeds(repository: Path) -> list[Seed]:
    """Make them all, always the same."""
    found = [
        Seed(f"{container}/{codec}/{channels}" + ("/fragmented" if options else ""), _written(*what))
        for what in WRITTEN
        for container, codec, _, channels, options in [what]
    ]
    for container, video, codec, rate in FILMS:
        sound = [files.tone(SECONDS, rate)] * 2
        found.append(Seed(f"{container}/{video}/{codec}", files.film(container, video, codec, sound, rate)))
    found.append(Seed("dsf/dsd", files.dsf(files.tone(SECONDS, 352_800), 352_800)))
    found.append(Seed("ape/ape", files.silent_ape(100_000)))
    folder = Path(os.environ.get("LOCUTION_TESTDATA", repository.parent / "shared" / "testdata"))
    suffixes = {".ogg", ".opus", ".flac", ".gsm", ".webm", ".mp3", ".m4a", ".wav", ".aiff"}
    present = sorted(path for path in folder.glob("*") if path.suffix in suffixes and path.stat().st_size < SMALL)
    return found + [Seed(path.name, path.read_bytes()) for path in present]


def _written(container: str, codec: str, rate: int, count: int, options: dict[str, str]) -> bytes:
    channels = [files.tone(SECONDS, rate, 300.0 + 100 * number) for number in range(count)]
    if codec == "vorbis":
        return _vorbis(container, np.stack(channels), rate)
    return files.encode(container, codec, channels, rate, **options)


def _vorbis(container: str, samples: np.ndarray[tuple[int, int], np.dtype[np.float32]], rate: int) -> bytes:
    """Write with FFmpeg's own encoder, which is experimental and has frames of 64 samples."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream("vorbis", rate=rate, layout="stereo", options={"strict": "experimental"})
        assert isinstance(stream, av.AudioStream)
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 64
        for at in range(0, samples.shape[1] - size, size):
            part = np.ascontiguousarray(samples[:, at : at + size])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = rate, at
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()
