"""Voices over the real api: enrolled from finished jobs, bounded, frozen into jobs, gone at once."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from locution.v1 import job_config_pb2 as config
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import voice_service_pb2 as pb

from tests.service.gateway.client import refusal
from tests.service.gateway.conftest import Gateway, Serve
from tests.service.gateway.hand_worker import HEARD, HandWorker


def identifying(*voices: str) -> config.JobConfig:
    return config.JobConfig(diarization=config.DiarizationConfig(identify_voices=True, voices=voices))


async def job(gateway: Gateway, **fields: Any) -> jobs.Job:
    upload = await gateway.client.upload(b"RIFF and so on")
    return await gateway.client.job(upload.name, **fields)


async def finished(gateway: Gateway, worker: HandWorker, seconds: int = HEARD) -> str:
    """Return a job whose one speaker is heard for so many seconds."""
    name = (await job(gateway)).name
    await worker.run(seconds)
    return name


async def test_a_voice_from_enrolment_to_deletion(gateway: Gateway, worker: HandWorker) -> None:
    voices, source = gateway.client.voices, await finished(gateway, worker)
    name = await gateway.client.enrol("Ada", source, request_id="once")
    assert await gateway.client.enrol("Ada", source, request_id="once") == name
    found = await voices.GetVoice(pb.GetVoiceRequest(name=name))
    assert (found.display_name, found.checksum) == ("Ada", f"{2:064d}")
    change = pb.UpdateVoiceRequest(
        voice=pb.Voice(name=name, display_name="Ada L.", etag=found.etag), update_mask=FieldMask(paths=["display_name"])
    )
    changed = await voices.UpdateVoice(change)
    assert changed.display_name == "Ada L."
    assert (await refusal(voices.UpdateVoice(change))).reason == "ETAG_MISMATCH"
    assert list((await voices.ListVoices(pb.ListVoicesRequest())).voices) == [changed]
    await voices.DeleteVoice(pb.DeleteVoiceRequest(name=name))
    assert (await refusal(voices.GetVoice(pb.GetVoiceRequest(name=name)))).reason == "VOICE_NOT_FOUND"
    assert await gateway.owner.fetchval("SELECT count(*) FROM gateway.voices") == 0


async def test_the_voice_outlives_its_sample(gateway: Gateway, worker: HandWorker) -> None:
    source = await finished(gateway, worker)
    await gateway.client.enrol("Ada", source)
    await gateway.client.jobs.DeleteJob(jobs.DeleteJobRequest(name=source))
    kept = await gateway.owner.fetchval("SELECT embedding FROM gateway.voices")
    assert kept == pytest.approx([0.6, 0.8])


async def test_what_cannot_be_enrolled_is_refused_with_its_reason(gateway: Gateway, worker: HandWorker) -> None:
    waiting = (await job(gateway)).name
    assert "QUEUED" in (await refusal(gateway.client.enrol("Ada", waiting))).message
    await worker.run(2)
    short = await refusal(gateway.client.enrol("Ada", waiting))
    assert (short.code, short.reason) == ("FAILED_PRECONDITION", "VOICE_SAMPLE_UNUSABLE")
    assert "2.0 s of the 5 s" in short.message
    assert "no SPEAKER_07" in (await refusal(gateway.client.enrol("Ada", waiting, "SPEAKER_07"))).message
    worker.clustering = zlib.compress(json.dumps([[[0, 10, 0]]]).encode())
    older = await finished(gateway, worker)
    assert "kept no voices" in (await refusal(gateway.client.enrol("Ada", older))).message
    absent = await refusal(gateway.client.enrol("Ada", "jobs/0199aaaa-0000-7000-8000-000000000000"))
    assert absent.reason == "JOB_NOT_FOUND"


async def test_voices_are_bounded(serve: Serve, worker: HandWorker) -> None:
    async with serve(max_voices=1) as gateway:
        source = await finished(gateway, worker)
        await gateway.client.enrol("Ada", source)
        refused = await refusal(gateway.client.enrol("Grace", source))
        assert (refused.code, refused.reason) == ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")


async def test_a_job_freezes_the_voices_of_its_model(gateway: Gateway, worker: HandWorker) -> None:
    source = await finished(gateway, worker)
    ada, grace = await gateway.client.enrol("Ada", source), await gateway.client.enrol("Grace", source)
    plain = (await job(gateway)).effective_config.diarization
    assert not plain.identify_voices
    assert not plain.voices
    every = (await job(gateway, config=identifying())).effective_config.diarization
    assert every.identify_voices
    assert sorted(every.voices) == sorted([ada, grace])
    named = config.JobConfig(diarization=config.DiarizationConfig(voices=[grace]))
    assert list((await job(gateway, config=named)).effective_config.diarization.voices) == [grace]
    absent = identifying("voices/0199aaaa-0000-7000-8000-000000000000")
    assert (await refusal(job(gateway, config=absent))).reason == "VOICE_NOT_FOUND"
    await gateway.owner.execute("UPDATE gateway.voices SET checksum = 'other' WHERE display_name = 'Ada'")
    assert (await refusal(job(gateway, config=identifying(ada)))).reason == "OPTION_UNSUPPORTED"
    assert list((await job(gateway, config=identifying())).effective_config.diarization.voices) == [grace]


@pytest.mark.parametrize(
    "wish",
    [
        config.DiarizationConfig(enabled=False, voices=["voices/x"]),
        config.DiarizationConfig(enabled=False, identify_voices=True),
        config.DiarizationConfig(identify_voices=False, voices=["voices/x"]),
    ],
)
async def test_wishes_that_contradict_themselves_are_refused(gateway: Gateway, wish: config.DiarizationConfig) -> None:
    refused = await refusal(job(gateway, config=config.JobConfig(diarization=wish)))
    assert refused.code == "INVALID_ARGUMENT"
