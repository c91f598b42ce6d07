"""Every recording of the test data comes out as its manifest says."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from locution_common.errors import Reason, Refused
from locution_gateway.media.decode import decode
from locution_gateway.media.models import AudioFormat, ChannelMode, DecodeSpec, Encoding
from locution_gateway.media.sections import Sectioner, SectionRule

from tests.service.gateway.media.support import Kept, pieces
from tests.support.refusals import refusal

DECODED = {"TRANSCRIBED", "NO_WORDS", "DECODES"}
# Containers state lengths that include what encoders put before and after the audio.
TOLERANCE_SECONDS = 0.1


def manifest(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.mark.timeout(180)
async def test_every_recording_does_as_expected(testdata: Path) -> None:
    wrong = []
    for row in manifest(testdata):
        sink = Kept()
        try:
            report = await decode(pieces((testdata / row["file"]).read_bytes()), DecodeSpec(), sink)
        except Refused as error:
            if row["expected"] in DECODED:
                wrong.append((row["file"], error.reason.value))
            continue
        assert report.samples * 2 == len(sink.pcm)
        if row["expected"] == "REFUSED" or report.warnings:
            wrong.append((row["file"], str(report)))
        elif row["expected"] in DECODED and abs(report.seconds - float(row["duration_s"])) > TOLERANCE_SECONDS:
            wrong.append((row["file"], f"{report.seconds} instead of {row['duration_s']} seconds"))
    assert not wrong


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("awful.wav", "MEDIA_CORRUPT"),
        ("evil.wav", "MEDIA_CORRUPT"),
        ("mono_invalid.wav", "MEDIA_CORRUPT"),
        ("mono_zero.wav", "MEDIA_CORRUPT"),
        ("missing_wav_header.wav", "MEDIA_ENCODING_REQUIRED"),
        ("goforward.raw", "MEDIA_ENCODING_REQUIRED"),
    ],
)
async def test_refusals_name_their_reason(testdata: Path, name: str, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        await decode(pieces((testdata / name).read_bytes()), DecodeSpec(), Kept())
    assert caught.value.reason == reason


async def test_headerless_audio_decodes_once_its_format_is_stated(testdata: Path) -> None:
    data, sink = (testdata / "goforward.raw").read_bytes(), Kept()
    spec = DecodeSpec(raw=AudioFormat(Encoding.PCM_S16LE, 16_000, 1))
    report = await decode(pieces(data), spec, sink)
    assert bytes(sink.pcm) == data
    assert (report.samples, report.warnings) == (len(data) // 2, ())


async def test_a_stated_format_must_agree_with_a_header(testdata: Path) -> None:
    data = (testdata / "jfk.wav").read_bytes()
    agreeing = DecodeSpec(raw=AudioFormat(Encoding.PCM_S16LE, 16_000, 1))
    assert (await decode(pieces(data), agreeing, Kept())).seconds == 11.0
    with pytest.raises(Refused) as caught:
        await decode(pieces(data), DecodeSpec(raw=AudioFormat(Encoding.PCM_S16LE, 8000, 1)), Kept())
    assert (caught.value.reason, caught.value.violations[0].field) == ("INVALID_REQUEST", "config.audio_format")


async def test_mulaw_of_a_wave_file_is_the_same_with_and_without_its_header(testdata: Path) -> None:
    data = (testdata / "azure_weather_mulaw.wav").read_bytes()
    body = data[data.index(b"data") + 8 :]
    with_header, without = Kept(), Kept()
    await decode(pieces(data), DecodeSpec(), with_header)
    await decode(pieces(body), DecodeSpec(raw=AudioFormat(Encoding.MULAW, 16_000, 1)), without)
    assert bytes(without.pcm[: len(with_header.pcm)]) == bytes(with_header.pcm)
    with refusal(Reason.MEDIA_ENCODING_REQUIRED):
        await decode(pieces(body), DecodeSpec(), Kept())


async def test_channels_mixed_are_the_mean_of_channels_apart(testdata: Path) -> None:
    data = (testdata / "google_two_channel_16k.wav").read_bytes()
    mixed, apart = Kept(), Kept()
    await decode(pieces(data), DecodeSpec(), mixed)
    report = await decode(pieces(data), DecodeSpec(channels=ChannelMode.SEPARATE), apart)
    assert report.opening.channels == 2
    both = np.frombuffer(apart.pcm, "<i2").reshape(-1, 2).astype(int)
    assert not np.array_equal(both[:, 0], both[:, 1])
    assert len(both) == report.samples
    assert np.abs(both.mean(axis=1) - np.frombuffer(mixed.pcm, "<i2")).max() <= 1


async def test_sections_of_a_real_recording_end_in_its_pauses(testdata: Path) -> None:
    sink = Kept()
    await decode(pieces((testdata / "address.mp3").read_bytes()), DecodeSpec(), sink)
    sectioner = Sectioner(SectionRule(target=20, minimum=10, maximum=30))
    sections = [*sectioner.push(bytes(sink.pcm)), *sectioner.finish()]
    audio = np.frombuffer(sink.pcm, "<i2").astype(float)
    loud = np.sqrt((audio**2).mean())
    assert sections[-1].end == len(audio)
    for section in sections[:-1]:
        around = audio[section.end - 800 : section.end + 800]
        assert np.sqrt((around**2).mean()) < loud / 20


async def test_a_name_changes_nothing(testdata: Path, tmp_path: Path) -> None:
    renamed = shutil.copyfile(testdata / "jfk.mp3", tmp_path / "jfk.wav")
    assert (await decode(pieces(renamed.read_bytes()), DecodeSpec(), Kept())).opening.container == "mp3"
