"""A recording of two channels: each on its own with its number and its language, or both mixed down."""

from __future__ import annotations

import asyncio
import itertools
import wave
from pathlib import Path

import numpy as np
import pytest
from jiwer import wer
from locution.v1 import job_config_pb2
from locution.v1 import transcript_service_pb2 as pb
from locution.v1.transcript_service_pb2_grpc import TranscriptServiceStub
from locution_client import Client, Connection
from locution_client.calls import credentials, open_channel
from locution_client.transcription import Silent, follow
from numpy.typing import NDArray
from whisper_normalizer.basic import BasicTextNormalizer

from tests.e2e.conftest import Installation
from tests.support.testdata import recording

RATE = 16_000
LEFT, RIGHT = "fleurs-en-000.ogg", "fleurs-de-000.ogg"


@pytest.fixture(scope="module")
def stereo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV file with an English sentence on the left, and behind it a German one on the right."""
    return _stereo(tmp_path_factory.mktemp("stereo") / "stereo.wav", _pcm(recording(LEFT)), _pcm(recording(RIGHT)))


def _stereo(path: Path, left: NDArray[np.int16], right: NDArray[np.int16]) -> Path:
    padded = np.pad(left, (0, len(right))), np.pad(right, (len(left), 0))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.stack(padded, axis=1).astype("<i2").tobytes())
    return path


def _pcm(path: Path) -> NDArray[np.int16]:
    from faster_whisper.audio import decode_audio

    return np.asarray(np.clip(decode_audio(str(path)) * 32767, -32768, 32767), np.int16)


async def transcribed(
    installation: Installation, path: Path, mode: job_config_pb2.ChannelMode.ValueType
) -> pb.Transcript:
    """Return the transcript of a job without speakers."""
    connection = Connection(installation.address, installation.key)
    config = job_config_pb2.JobConfig(
        asr_model="whisper/base", channel_mode=mode, diarization=job_config_pb2.DiarizationConfig(enabled=False)
    )
    async with Client(connection) as client:
        upload = await client.uploads.send(path)
        job = await follow(client, (await client.jobs.create(upload.name, config)).name, Silent())
    async with open_channel(connection) as channel:
        request = pb.GetTranscriptRequest(name=f"{job.name}/transcript")
        return await TranscriptServiceStub(channel).GetTranscript(
            request, metadata=credentials(installation.key), timeout=30
        )


def heard(segments: list[pb.Segment]) -> str:
    return " ".join(segment.text for segment in segments)


def assert_said(segments: list[pb.Segment], name: str) -> None:
    """Check the text of a sentence against its reference."""
    normal = BasicTextNormalizer()
    assert wer(normal(recording(name).with_suffix(".txt").read_text()), normal(heard(segments))) < 0.3


def assert_whole(spans: list[pb.CoverageSpan], transcript: pb.Transcript) -> None:
    """Check that spans cover the recording without gap or overlap."""
    assert spans[0].start_offset.ToNanoseconds() == 0
    assert spans[-1].end_offset == transcript.duration
    for before, after in itertools.pairwise(spans):
        assert before.end_offset == after.start_offset


@pytest.mark.timeout(180)
def test_each_channel_has_its_text_its_language_and_its_number(installation: Installation, stereo: Path) -> None:
    transcript = asyncio.run(transcribed(installation, stereo, job_config_pb2.CHANNEL_MODE_SEPARATE))
    assert all(segment.HasField("channel") for segment in transcript.segments)
    left, right = ([s for s in transcript.segments if s.channel == channel] for channel in (0, 1))
    assert {segment.language for segment in left} == {"en"}
    assert {segment.language for segment in right} == {"de"}
    assert_said(left, LEFT)
    assert_said(right, RIGHT)
    for channel in (0, 1):
        assert_whole([span for span in transcript.coverage if span.channel == channel], transcript)


@pytest.mark.timeout(180)
def test_a_channel_says_how_sure_it_is(installation: Installation, sample: Path, tmp_path: Path) -> None:
    pcm = _pcm(sample)
    path = _stereo(tmp_path / "halves.wav", *np.split(pcm, 2))
    transcript = asyncio.run(transcribed(installation, path, job_config_pb2.CHANNEL_MODE_SEPARATE))
    assert {segment.channel for segment in transcript.segments} == {0, 1}
    assert all(0 < segment.language_probability <= 1 for segment in transcript.segments)
    assert all(segment.mean_log_probability < 0 for segment in transcript.segments)
    for channel in (0, 1):
        assert_whole([span for span in transcript.coverage if span.channel == channel], transcript)


@pytest.mark.timeout(180)
def test_mixed_channels_are_one_recording(installation: Installation, stereo: Path) -> None:
    transcript = asyncio.run(transcribed(installation, stereo, job_config_pb2.CHANNEL_MODE_MIX))
    assert not any(item.HasField("channel") for item in [*transcript.segments, *transcript.coverage])
    assert_whole(list(transcript.coverage), transcript)
    english, german = ([s for s in transcript.segments if s.language == code] for code in ("en", "de"))
    assert len(english) + len(german) == len(transcript.segments)
    assert_said(english, LEFT)
    assert_said(german, RIGHT)
