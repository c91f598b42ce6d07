"""Media decodes with its sound where it was, or is refused as what it is; every codec that people have is allowed."""

from __future__ import annotations

import av
import numpy as np
import pytest
from locution_common.errors import Reason
from locution_gateway.media import containers
from locution_gateway.media.decode import decode
from locution_gateway.media.models import AudioFormat, DecodeSpec, Encoding

from tests.data import media_files as files
from tests.data.bursts import SECONDS, STARTS, TOLERANCE, bursts, starts
from tests.media import matrix
from tests.service.gateway.media import places
from tests.service.gateway.media.support import Kept, pieces
from tests.support.refusals import refusal

# A row of each container and kind of codec; tests/media has all.
SOUND = matrix.chosen(
    matrix.SOUND,
    ("wav", "pcm_u8"),
    ("wav", "pcm_s16le", 44_100, 2, matrix.ALWAYS_RF64),
    ("wav", "adpcm_ms"),
    ("wav", "libmp3lame"),
    ("w64", "pcm_mulaw"),
    ("au", "pcm_f32be"),
    ("aiff", "pcm_s24be"),
    ("caf", "adpcm_ima_qt"),
    ("flac", "flac"),
    ("mp3", "libmp3lame"),
    ("mp2", "mp2"),
    ("adts", "aac"),
    ("latm", "aac"),
    ("ac3", "ac3", 32_000),
    ("eac3", "eac3", 48_000, 6),
    ("tta", "tta"),
    ("wv", "wavpack"),
    ("amr", matrix.AMR),
    ("ogg", "libopus"),
    ("ogg", "flac"),
    ("matroska", "alac"),
    ("webm", "libopus"),
    ("mp4", "aac", 44_100, 2, matrix.FRAGMENTED),
    ("mov", "pcm_s16be"),
    ("3gp", matrix.AMR),
    ("flv", "nellymoser"),
    ("asf", "wmav1"),
    ("mpegts", "pcm_bluray"),
    ("mxf_opatom", "pcm_s16le"),
)
FILMS = matrix.chosen(
    matrix.FILMS,
    ("vob", "mpeg2video", "pcm_dvd"),
    ("mxf", "mpeg2video", "pcm_s24le"),
    ("avi", "mjpeg", "adpcm_ms"),
    ("asf", "mpeg4", "wmav2"),
)
NAMED: dict[str, tuple[bytes, str]] = {
    "SILK": (b"#!SILK_V3" + bytes(range(256)) * 20, "SILK"),
    "SILK of WeChat": (b"\x02#!SILK_V3" + bytes(range(256)) * 20, "SILK"),
    "dictation": (b"\x02dss" + bytes(range(256)) * 20, "Olympus DSS"),
    "encrypted dictation": (b"\x03ds2" + bytes(range(256)) * 20, "Olympus DSS Pro"),
    "OptimFROG": (b"OFR \x0f\0\0\0" + bytes(range(256)) * 20, "OptimFROG"),
    "SPHERE": (b"NIST_1A\n   1024\n" + b"end_head".ljust(1008) + bytes(range(256)) * 20, "NIST SPHERE"),
    "MIDI": (b"MThd\0\0\0\x06\0\x01\0\x02" + bytes(range(256)), "MIDI"),
    "QCELP": (b"RIFF\xff\xff\0\0QLCMfmt " + bytes(range(256)) * 20, "QCELP"),
    "DSDIFF": (b"FRM8\0\0\0\0\0\0\x10\0DSD " + bytes(range(256)) * 20, "DSDIFF"),
}
CONFIDENT = {"TTA1", "MAC ", "tBaK", "MP+\x07", "MPCK", "DSD ", "\x00\x00\x01\xba", "\x06\x0e\x2b\x34"}


@pytest.mark.parametrize(("container", "codec", "rate", "channels", "options"), SOUND, ids=places.name)
async def test_sound_is_where_it_was(
    container: str, codec: str, rate: int, channels: int, options: dict[str, str]
) -> None:
    await places.assert_in_place(files.encode(container, codec, [bursts(rate)] * channels, rate, **options))


@pytest.mark.parametrize(("container", "video", "codec", "rate"), FILMS)
async def test_the_sound_of_films_is_where_it_was(container: str, video: str, codec: str, rate: int) -> None:
    await places.assert_in_place(places.film(container, video, codec, rate))


async def test_a_dsf_of_one_bit_is_where_it_was() -> None:
    sink = Kept()
    await decode(pieces(files.dsf(bursts(705_600), 705_600)), DecodeSpec(), sink)
    assert sink.opening is not None
    assert sink.opening.codec.startswith("dsd_lsbf")
    assert starts(sink.pcm) == pytest.approx(list(STARTS), abs=TOLERANCE)


async def test_an_ape_of_silence_decodes() -> None:
    sink = Kept()
    report = await decode(pieces(files.silent_ape(3 * 44_100)), DecodeSpec(), sink)
    assert sink.opening is not None
    assert sink.opening.codec == "ape"
    assert report.seconds == pytest.approx(3, abs=0.01)


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [("ac3", "ac3", 48_000), ("eac3", "eac3", 48_000), ("tta", "tta", 44_100), ("latm", "aac", 44_100)],
)
async def test_a_cut_file_says_so(container: str, codec: str, rate: int) -> None:
    data = files.encode(container, codec, [files.tone(10, rate)] * 2, rate)
    report = await decode(pieces(data[: len(data) * 6 // 10 + 3]), DecodeSpec(), Kept())
    assert 5 < report.seconds < 7
    assert [warning.reason for warning in report.warnings] == ["MEDIA_TRUNCATED"]


@pytest.mark.parametrize(("first", "last"), [(0, 0.5), (1000, 1)], ids=["end", "beginning"])
async def test_a_disc_decodes_without_its(first: int, last: float) -> None:
    data = places.film("vob", "mpeg2video", "ac3", 48_000)
    report = await decode(pieces(data[first : round(len(data) * last)]), DecodeSpec(), Kept())
    assert report.seconds == pytest.approx(SECONDS * last, abs=0.6)


@pytest.mark.parametrize("raw", [None, AudioFormat(Encoding.PCM_S16LE, 16_000, 1)], ids=["", "said to be headerless"])
@pytest.mark.parametrize(("data", "what"), NAMED.values(), ids=NAMED)
async def test_what_is_not_decoded_is_refused_by_its_name(data: bytes, what: str, raw: AudioFormat | None) -> None:
    with refusal(Reason.MEDIA_CODEC_UNSUPPORTED, match=rf"\({what}\)"):
        await decode(pieces(data), DecodeSpec(raw=raw), Kept())


@pytest.mark.parametrize(
    ("container", "codec", "what"),
    [
        ("voc", "pcm_u8", "Creative Voice"),
        ("nut", "pcm_s16le", "NUT"),
        ("sox", "pcm_s32le", "SoX"),
        ("rm", "ac3", "RealMedia"),
    ],
)
async def test_rare_containers_are_refused_by_their_names(container: str, codec: str, what: str) -> None:
    with refusal(Reason.MEDIA_CODEC_UNSUPPORTED, match=rf"\({what}\)"):
        await decode(pieces(files.encode(container, codec, [bursts(48_000)], 48_000)), DecodeSpec(), Kept())


async def test_a_codec_that_is_not_decoded_is_named() -> None:
    with refusal(Reason.MEDIA_CODEC_UNSUPPORTED, match="codec dfpwm"):
        await decode(pieces(files.encode("wav", "dfpwm", [bursts(44_100)], 44_100)), DecodeSpec(), Kept())
    truehd = files.matroska("A_TRUEHD", b"", 48_000.0, files.block(bytes(4000)))
    with refusal(Reason.MEDIA_CODEC_UNSUPPORTED, match="codec truehd"):
        await decode(pieces(truehd), DecodeSpec(), Kept())


@pytest.mark.parametrize("mark", sorted(CONFIDENT))
async def test_what_has_a_header_is_never_called_headerless(mark: str) -> None:
    data = mark.encode("latin-1") + np.random.default_rng(1).bytes(50_000)
    with refusal(Reason.MEDIA_CORRUPT):
        await decode(pieces(data), DecodeSpec(), Kept())
    with refusal(Reason.MEDIA_CORRUPT):
        await decode(pieces(data), DecodeSpec(raw=AudioFormat(Encoding.PCM_S16LE, 16_000, 1)), Kept())


async def test_raw_samples_that_look_like_a_frame_stay_raw() -> None:
    data = b"\x0b\x77\x50\x52\x14\x40" + np.random.default_rng(2).bytes(63_994)
    report = await decode(pieces(data), DecodeSpec(raw=AudioFormat(Encoding.PCM_S16LE, 16_000, 1)), Kept())
    assert report.samples == 32_000


def test_every_codec_that_people_have_is_allowed() -> None:
    encoders = {row[1] for row in matrix.SOUND} | {row[2] for row in matrix.FILMS}
    decoders = {av.Codec(av.Codec(encoder, "w").canonical_name, "r").name for encoder in encoders}
    assert len(decoders) > 30
    assert decoders - containers.CODECS == set()


def test_the_list_of_demuxers_is_closed() -> None:
    listed = containers.CONTAINERS.split(",")
    assert len(listed) == len(set(listed))
    available = {part for name in av.formats_available for part in name.split(",")}
    assert set(listed) <= available
    for forbidden in ("hls", "dash", "concat", "sdp", "rtsp", "rtp", "sap", "image2", "lavfi", "vobsub", "tty", "data"):
        assert forbidden not in listed
    assert all(containers.DEMUXERS.values())
