"""The containers and codecs that people have."""

from __future__ import annotations

from typing import Any, TypeVar

Row = TypeVar("Row", bound=tuple[Any, ...])

AMR = "libopencore_amrnb"
ALWAYS_RF64, BLU_RAY = {"rf64": "always"}, {"mpegts_m2ts_mode": "1"}
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov", "frag_duration": "1000000"}
SOUND: list[tuple[str, str, int, int, dict[str, str]]] = [
    *(("wav", f"pcm_{name}", 44_100, 2, {}) for name in ("s16le", "u8", "s24le", "s32le", "f32le", "f64le")),
    *(("wav", f"pcm_{name}", 8_000, 1, {}) for name in ("mulaw", "alaw")),
    ("wav", "pcm_s16le", 44_100, 2, ALWAYS_RF64),
    ("wav", "adpcm_ms", 8_000, 1, {}),
    ("wav", "adpcm_ima_wav", 22_050, 2, {}),
    ("wav", "adpcm_yamaha", 16_000, 1, {}),
    ("wav", "g722", 16_000, 1, {}),
    ("wav", "g726", 8_000, 1, {}),
    ("wav", "libmp3lame", 44_100, 2, {}),
    ("wav", "ac3", 48_000, 2, {}),
    ("w64", "pcm_s16le", 44_100, 2, {}),
    ("w64", "pcm_mulaw", 8_000, 1, {}),
    ("au", "pcm_mulaw", 8_000, 1, {}),
    ("au", "pcm_s16be", 44_100, 2, {}),
    ("au", "pcm_f32be", 44_100, 2, {}),
    ("aiff", "pcm_s16be", 44_100, 2, {}),
    ("aiff", "pcm_s24be", 44_100, 2, {}),
    ("aiff", "pcm_alaw", 8_000, 1, {}),
    ("caf", "pcm_s16be", 44_100, 2, {}),
    ("caf", "pcm_mulaw", 8_000, 1, {}),
    ("caf", "alac", 44_100, 2, {}),
    ("caf", "adpcm_ima_qt", 44_100, 2, {}),
    ("caf", AMR, 8_000, 1, {}),
    ("flac", "flac", 44_100, 2, {}),
    ("mp3", "libmp3lame", 44_100, 2, {}),
    ("mp2", "mp2", 48_000, 2, {}),
    ("adts", "aac", 44_100, 2, {}),
    ("latm", "aac", 44_100, 2, {}),
    ("ac3", "ac3", 48_000, 2, {}),
    ("ac3", "ac3", 44_100, 2, {}),
    ("ac3", "ac3", 32_000, 1, {}),
    ("ac3", "ac3", 48_000, 6, {}),
    ("eac3", "eac3", 48_000, 2, {}),
    ("eac3", "eac3", 48_000, 6, {}),
    ("tta", "tta", 44_100, 2, {}),
    ("wv", "wavpack", 44_100, 2, {}),
    ("amr", AMR, 8_000, 1, {}),
    ("ogg", "libopus", 48_000, 2, {}),
    ("ogg", "flac", 44_100, 2, {}),
    *(
        ("matroska", codec, 48_000, 2, {})
        for codec in (
            *("aac", "ac3", "alac", "eac3", "flac", "libmp3lame", "libopus", "mp2", "pcm_s16le", "pcm_f32le", "tta"),
            "wavpack",
        )
    ),
    ("webm", "libopus", 48_000, 2, {}),
    *(("mp4", codec, 48_000, 2, {}) for codec in ("aac", "ac3", "alac", "eac3", "flac", "libmp3lame", "libopus")),
    ("mp4", "aac", 44_100, 2, FRAGMENTED),
    ("mov", "pcm_s16be", 44_100, 2, {}),
    ("mov", "pcm_mulaw", 8_000, 1, {}),
    ("mov", "adpcm_ima_qt", 44_100, 2, {}),
    ("ipod", "aac", 44_100, 2, {}),
    ("f4v", "aac", 44_100, 2, {}),
    ("3gp", "aac", 44_100, 1, {}),
    ("3gp", AMR, 8_000, 1, {}),
    ("3g2", "aac", 44_100, 2, {}),
    ("flv", "aac", 44_100, 2, {}),
    ("flv", "libmp3lame", 44_100, 2, {}),
    ("flv", "pcm_mulaw", 8_000, 1, {}),
    ("flv", "adpcm_swf", 44_100, 2, {}),
    ("flv", "nellymoser", 44_100, 1, {}),
    ("asf", "wmav1", 44_100, 2, {}),
    ("asf", "wmav2", 44_100, 2, {}),
    ("asf", "aac", 44_100, 2, {}),
    ("asf", "libmp3lame", 44_100, 2, {}),
    *(("mpegts", codec, 48_000, 2, {}) for codec in ("aac", "ac3", "eac3", "libmp3lame", "libopus", "mp2")),
    ("mpegts", "pcm_bluray", 48_000, 2, BLU_RAY),
    ("mxf_opatom", "pcm_s16le", 48_000, 1, {}),
]
FILMS: list[tuple[str, str, str, int]] = [
    ("mpeg", "mpeg1video", "mp2", 44_100),
    ("mpeg", "mpeg1video", "mp2", 48_000),
    ("svcd", "mpeg2video", "mp2", 44_100),
    ("vob", "mpeg2video", "mp2", 48_000),
    ("vob", "mpeg2video", "ac3", 48_000),
    ("vob", "mpeg2video", "pcm_dvd", 48_000),
    ("dvd", "mpeg2video", "ac3", 48_000),
    ("mpegts", "mpeg2video", "mp2", 48_000),
    ("mpegts", "mpeg2video", "ac3", 48_000),
    ("mxf", "mpeg2video", "pcm_s16le", 48_000),
    ("mxf", "mpeg2video", "pcm_s24le", 48_000),
    ("avi", "mjpeg", "pcm_s16le", 44_100),
    ("avi", "mjpeg", "adpcm_ms", 22_050),
    ("avi", "mjpeg", "pcm_mulaw", 8_000),
    ("avi", "mpeg4", "libmp3lame", 44_100),
    ("avi", "mpeg4", "mp2", 48_000),
    ("avi", "mpeg4", "ac3", 48_000),
    ("avi", "mpeg4", "aac", 44_100),
    ("mov", "mpeg4", "pcm_s16be", 44_100),
    ("mov", "mjpeg", "alac", 44_100),
    ("3gp", "mpeg4", "aac", 44_100),
    ("matroska", "mpeg4", "flac", 44_100),
    ("asf", "mpeg4", "wmav2", 44_100),
    ("flv", "flv", "libmp3lame", 44_100),
]
CUT: list[tuple[str, str, int, dict[str, str]]] = [
    ("wav", "pcm_s16le", 44_100, {}),
    ("wav", "pcm_mulaw", 44_100, {}),
    ("wav", "adpcm_ms", 44_100, {}),
    ("w64", "pcm_s16le", 44_100, {}),
    ("flac", "flac", 44_100, {}),
    ("mp3", "libmp3lame", 44_100, {}),
    ("mp2", "mp2", 44_100, {}),
    ("adts", "aac", 44_100, {}),
    ("ogg", "libopus", 48_000, {}),
    ("ogg", "flac", 44_100, {}),
    ("webm", "libopus", 48_000, {}),
    ("matroska", "ac3", 48_000, {}),
    ("matroska", "flac", 44_100, {}),
    ("mp4", "aac", 44_100, FRAGMENTED),
    ("aiff", "pcm_s16be", 44_100, {}),
    ("au", "pcm_s16be", 44_100, {}),
    ("caf", "pcm_s16le", 44_100, {}),
    ("wv", "wavpack", 44_100, {}),
    ("avi", "libmp3lame", 44_100, {}),
    ("flv", "aac", 44_100, {}),
    ("mpegts", "aac", 44_100, {}),
    ("mpegts", "mp2", 44_100, {}),
]
WITH_VIDEO = [
    ("matroska", "aac"),
    ("matroska", "libopus"),
    ("matroska", "pcm_s16le"),
    ("webm", "libopus"),
    ("mp4", "aac"),
    ("mp4", "libopus"),
    ("flv", "aac"),
    ("flv", "libmp3lame"),
    ("mpegts", "aac"),
    ("mpegts", "mp2"),
    ("mpegts", "ac3"),
    ("mpeg", "mp2"),
    ("asf", "wmav2"),
]
WITH_HOLES = [*WITH_VIDEO, ("ogg", "libopus"), ("mpegts", "libopus")]
OUTLASTED = [*WITH_VIDEO, ("avi", "libmp3lame"), ("avi", "pcm_s16le")]


def chosen(rows: list[Row], *beginnings: tuple[Any, ...]) -> list[Row]:
    """Return the row that begins so, for each beginning. Raises ValueError unless there is exactly one."""
    found = []
    for beginning in beginnings:
        (row,) = (row for row in rows if row[: len(beginning)] == beginning)
        found.append(row)
    return found
