"""Transcripts: whole, in pages, partial while the job runs, and as files."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from dataclasses import replace
from uuid import uuid4

import pytest
from google.protobuf.duration_pb2 import Duration
from locution.v1 import job_config_pb2 as config
from locution.v1 import transcript_service_pb2 as pb
from locution_common.errors import Reason
from locution_gateway.jobs.models import JobWarning, StageKind, WarningCode
from locution_gateway.transcripts.models import Speaker
from locution_speech.transcript import CoverageSpan, DropReason, Outcome

from tests.service.gateway.client import reason
from tests.service.gateway.conftest import Gateway
from tests.service.gateway.hand_worker import SECTION, HandWorker, joined

FORMATS = pb.ExportTranscriptRequest


@pytest.fixture
async def job(gateway: Gateway) -> str:
    upload = await gateway.client.upload(b"RIFF and so on")
    return (await gateway.client.job(upload.name)).name


async def export(
    gateway: Gateway, job: str, format: FORMATS.Format.ValueType, subtitles: pb.SubtitleOptions | None = None
) -> tuple[str, str]:
    """Return a file's media type and its text."""
    request = pb.ExportTranscriptRequest(name=f"{job}/transcript", format=format, subtitles=subtitles)
    pieces = [piece async for piece in gateway.client.transcripts.ExportTranscript(request)]
    assert all(len(piece.data) <= 256 * 1024 for piece in pieces)
    assert [piece.media_type for piece in pieces[1:]] == [""] * (len(pieces) - 1)
    return pieces[0].media_type, b"".join(piece.data for piece in pieces).decode()


def get(gateway: Gateway, job: str) -> Awaitable[pb.Transcript]:
    return gateway.client.transcripts.GetTranscript(pb.GetTranscriptRequest(name=f"{job}/transcript"))


async def segments(gateway: Gateway, job: str, size: int) -> tuple[list[pb.Segment], list[bool]]:
    """Return all segments by pages, and whether each page said that it was complete."""
    found: list[pb.Segment] = []
    complete: list[bool] = []
    token = ""
    while True:
        request = pb.ListSegmentsRequest(parent=f"{job}/transcript", page_size=size, page_token=token)
        page = await gateway.client.transcripts.ListSegments(request)
        found += page.segments
        complete.append(page.complete)
        token = page.next_page_token
        if not token:
            return found, complete


async def test_a_transcript_is_read_whole_and_in_pages(gateway: Gateway, job: str, worker: HandWorker) -> None:
    await worker.run(sections=5)
    whole = await get(gateway, job)
    assert (whole.name, whole.language, whole.duration.seconds) == (f"{job}/transcript", "en", 50)
    assert [segment.text for segment in whole.segments] == [f"sentence {n}." for n in range(5)]
    assert whole.segments[1].words[0].probability == pytest.approx(0.5)
    assert [speaker.label for speaker in whole.speakers] == ["SPEAKER_00"]
    found, complete = await segments(gateway, job, 2)
    assert found == list(whole.segments)
    assert complete == [True, True, True]


async def test_what_it_lacks_and_whom_it_knows_is_told(gateway: Gateway, job: str, worker: HandWorker) -> None:
    await worker.decode(sections=1)
    await worker.transcribe()
    await worker.diarize()
    await worker.diarize()
    lease, whole, voice = await worker.begin(StageKind.JOIN), joined(1, speakers=True), uuid4()
    summary = replace(
        whole.summary,
        coverage=(CoverageSpan(0, SECTION, Outcome.DROPPED, DropReason.REPETITION),),
        speakers=(Speaker("SPEAKER_00", SECTION, voice, "Ada"),),
    )
    warning = JobWarning(WarningCode.SECTION_FAILED, "a section failed", Reason.INFERENCE_FAILED)
    await worker.stages.finish_join(lease, replace(whole, summary=summary, warnings=(warning,)))
    found = await get(gateway, job)
    assert [(span.outcome, span.reason) for span in found.coverage] == [(pb.CoverageSpan.OUTCOME_DROPPED, "REPETITION")]
    assert [(each.voice, each.display_name) for each in found.speakers] == [(f"voices/{voice}", "Ada")]
    assert [each.reason for each in found.warnings] == ["INFERENCE_FAILED"]


async def test_nothing_is_there_before_the_end(gateway: Gateway, job: str, worker: HandWorker) -> None:
    assert await reason(get(gateway, job)) == "TRANSCRIPT_NOT_READY"
    assert await reason(export(gateway, job, FORMATS.FORMAT_TXT)) == "TRANSCRIPT_NOT_READY"
    assert await segments(gateway, job, 10) == ([], [False])
    assert await reason(get(gateway, "jobs/none")) == "JOB_NOT_FOUND"


async def test_finished_sections_are_read_while_the_job_runs(gateway: Gateway, job: str, worker: HandWorker) -> None:
    await worker.decode(sections=3)
    await worker.transcribe()
    await worker.transcribe()
    found, complete = await segments(gateway, job, 1)
    assert [segment.text for segment in found] == ["section0 channel0", "section1 channel0"]
    assert [segment.start_offset.seconds for segment in found] == [1, 11]
    assert [segment.words[0].start_offset.seconds for segment in found] == [1, 11]
    assert [segment.index for segment in found] == [0, 1]
    assert complete == [False, False]


async def test_partial_segments_of_channels_come_in_order_of_time(gateway: Gateway, worker: HandWorker) -> None:
    upload = await gateway.client.upload(b"RIFF and so on")
    separate = config.JobConfig(channel_mode=config.CHANNEL_MODE_SEPARATE)
    job = await gateway.client.job(upload.name, config=separate)
    await worker.decode(sections=2, channels=2)
    for _ in range(4):
        await worker.transcribe()
    found, _ = await segments(gateway, job.name, 3)
    assert [(segment.start_offset.seconds, segment.channel) for segment in found] == [(1, 0), (1, 1), (11, 0), (11, 1)]


async def test_files_hold_what_was_said(gateway: Gateway, job: str, worker: HandWorker) -> None:
    await worker.run(sections=2)
    assert await export(gateway, job, FORMATS.FORMAT_TXT) == (
        "text/plain; charset=utf-8",
        "SPEAKER_00: sentence 0.\nSPEAKER_00: sentence 1.\n",
    )
    assert (await export(gateway, job, FORMATS.FORMAT_SRT))[1] == (
        "1\n00:00:00,000 --> 00:00:01,000\nSPEAKER_00: sentence 0.\n\n2\n00:00:10,000 --> 00:00:11,000\nsentence 1.\n\n"
    )
    assert (await export(gateway, job, FORMATS.FORMAT_VTT))[1] == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v SPEAKER_00>sentence 0.\n\n"
        "00:00:10.000 --> 00:00:11.000\n<v SPEAKER_00>sentence 1.\n\n"
    )
    name = job.removeprefix("jobs/")
    assert (await export(gateway, job, FORMATS.FORMAT_RTTM))[1] == (
        f"SPEAKER {name} 1 0.000 1.000 <NA> <NA> SPEAKER_00 <NA> <NA>\n"
        f"SPEAKER {name} 1 10.000 1.000 <NA> <NA> SPEAKER_00 <NA> <NA>\n"
    )
    media_type, text = await export(gateway, job, FORMATS.FORMAT_JSON)
    assert media_type == "application/json"
    assert json.loads(text) == {
        "language": "en",
        "duration": 20.0,
        "segments": [
            {
                "start": 10.0 * n,
                "end": 10.0 * n + 1,
                "speaker": "SPEAKER_00",
                "text": f"sentence {n}.",
                "words": [
                    {
                        "start": 10.0 * n,
                        "end": 10.0 * n + 1,
                        "text": "sentence",
                        "probability": 0.5,
                        "speaker": "SPEAKER_00",
                    }
                ],
                "language": "en",
            }
            for n in range(2)
        ],
        "coverage": [{"start": 0.0, "end": 20.0, "outcome": "TRANSCRIBED"}],
        "speakers": [{"label": "SPEAKER_00", "speech": 2.0}],
        "turns": [{"start": 10.0 * n, "end": 10.0 * n + 1, "speaker": "SPEAKER_00"} for n in range(2)],
        "speech_coverage": 1.0,
    }


async def test_subtitles_follow_the_options(gateway: Gateway, job: str, worker: HandWorker) -> None:
    await worker.run(sections=1)
    options = pb.SubtitleOptions(max_line_width=10, speaker_style=pb.SubtitleOptions.SPEAKER_STYLE_NONE)
    options.reading_speed_notes = True
    assert (await export(gateway, job, FORMATS.FORMAT_VTT, options))[1] == (
        "WEBVTT\n\nNOTE 10.0 characters per second\n\n00:00:00.000 --> 00:00:01.000\nsentence\n0.\n\n"
    )
    for kind, refused in (
        (FORMATS.FORMAT_TXT, pb.SubtitleOptions()),
        (FORMATS.FORMAT_SRT, options),
        (FORMATS.FORMAT_VTT, pb.SubtitleOptions(max_lines=4)),
        (FORMATS.FORMAT_VTT, pb.SubtitleOptions(max_duration=Duration(seconds=61))),
    ):
        assert await reason(export(gateway, job, kind, refused)) == "INVALID_REQUEST"


async def test_turns_need_diarization(gateway: Gateway, worker: HandWorker) -> None:
    upload = await gateway.client.upload(b"RIFF and so on")
    off = config.JobConfig(diarization=config.DiarizationConfig(enabled=False))
    job = await gateway.client.job(upload.name, config=off)
    await worker.decode(sections=1)
    await worker.transcribe()
    await worker.join(1, speakers=False)
    assert await reason(export(gateway, job.name, FORMATS.FORMAT_RTTM)) == "TRANSCRIPT_NOT_READY"
    assert (await export(gateway, job.name, FORMATS.FORMAT_TXT))[1] == "sentence 0.\n"


async def test_a_huge_transcript_is_exported_and_not_read_in_one(
    gateway: Gateway, job: str, worker: HandWorker
) -> None:
    await worker.decode(sections=1)
    await worker.transcribe()
    await worker.diarize()
    await worker.diarize()
    await worker.join(60_000)
    assert await reason(get(gateway, job)) == "TRANSCRIPT_TOO_LARGE"
    _, text = await export(gateway, job, FORMATS.FORMAT_JSON)
    assert len(json.loads(text)["segments"]) == 60_000
