"""Preferences and tenant settings: they fill what a job leaves unset, and the job says where each value came from."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from google.protobuf.duration_pb2 import Duration
from locution.v1 import account_service_pb2 as accounts
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import identity_pb2 as identity
from locution.v1 import job_config_pb2 as configs
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import transcript_service_pb2 as transcripts

from tests.service.gateway.client import reason
from tests.service.gateway.conftest import Gateway
from tests.service.gateway.identity.test_credentials import small_world
from tests.service.gateway.identity.world import World

SETTINGS = "tenants/acme/settings"


@pytest.fixture
async def small(api: Gateway) -> AsyncIterator[World]:
    async with small_world(api) as made:
        yield made


async def set_tenant(world: World, *mask: str, etag: str = "", **config: object) -> administration.TenantSettings:
    settings = administration.TenantSettings(name=SETTINGS, etag=etag)
    settings.job_defaults.config.MergeFrom(configs.JobConfig(**config))  # type: ignore[arg-type]
    request = administration.UpdateTenantSettingsRequest(settings=settings)
    request.update_mask.paths.extend(mask)
    return await (await world.administration(world.mine.keys["ADMIN"])).UpdateTenantSettings(request)


async def set_own(world: World, *mask: str, etag: str = "", **config: object) -> accounts.Preferences:
    preferences = accounts.Preferences(etag=etag)
    preferences.job_defaults.config.MergeFrom(configs.JobConfig(**config))  # type: ignore[arg-type]
    request = accounts.UpdatePreferencesRequest(preferences=preferences)
    request.update_mask.paths.extend(mask)
    return await (await world.account(world.mine.keys["MEMBER"])).UpdatePreferences(request)


async def new_job(world: World, **config: object) -> jobs.Job:
    client = await world.client(world.mine.keys["MEMBER"])
    upload = await client.upload(b"sound")
    return await client.job(upload.name, config=configs.JobConfig(**config))  # type: ignore[arg-type]


async def test_request_user_tenant_server_in_this_order(small: World) -> None:
    await set_tenant(small, language="de", beam_size=3, asr_model="whisper/base", retention=Duration(seconds=7200))
    await set_own(small, language="fr", word_times=True)
    job = await new_job(small, beam_size=2)
    config, origins = job.effective_config, job.config_origins
    assert (config.language, config.beam_size, config.asr_model) == ("fr", 2, "whisper/base")
    assert config.retention.seconds == 7200
    named = {name: jobs.ConfigOrigin.Name(origins[name]) for name in ("beam_size", "language", "asr_model", "task")}
    assert named == {
        "beam_size": "CONFIG_ORIGIN_REQUEST",
        "language": "CONFIG_ORIGIN_USER",
        "asr_model": "CONFIG_ORIGIN_TENANT",
        "task": "CONFIG_ORIGIN_SERVER",
    }
    assert job.config.language == ""


async def test_a_default_gives_way_to_what_the_request_excludes(small: World) -> None:
    await set_tenant(small, diarization=configs.DiarizationConfig(enabled=True, speaker_count=2))
    assert (await new_job(small)).effective_config.diarization.speaker_count == 2
    separate = await new_job(small, channel_mode=configs.CHANNEL_MODE_SEPARATE)
    assert not separate.effective_config.diarization.enabled
    plain = await new_job(small, word_times=False)
    assert not plain.effective_config.diarization.enabled
    counted = await new_job(small, diarization=configs.DiarizationConfig(min_speaker_count=3))
    assert not counted.effective_config.diarization.HasField("speaker_count")


async def test_a_default_model_that_is_gone_falls_back_with_a_warning(small: World) -> None:
    await set_tenant(small, asr_model="whisper/gone")
    job = await new_job(small)
    assert job.effective_config.asr_model == "whisper/base"
    assert [warning.code for warning in job.warnings] == [jobs.JobWarning.CODE_MODEL_FALLBACK]
    client = await small.client(small.mine.keys["MEMBER"])
    upload = await client.upload(b"sound")
    asked = configs.JobConfig(asr_model="whisper/gone")
    assert await reason(client.job(upload.name, config=asked)) == "MODEL_NOT_FOUND"


async def test_masks_change_what_they_name_and_clear_it(small: World) -> None:
    await set_own(small, language="fr", beam_size=4)
    changed = await set_own(small, "job_defaults.config.language", "job_defaults.config.word_times", word_times=False)
    config = changed.job_defaults.config
    assert (config.HasField("language"), config.beam_size, config.word_times) == (False, 4, False)
    assert await reason(set_own(small, "job_defaults.nothing")) == "UPDATE_MASK_INVALID"
    assert await reason(set_own(small, prompt="private")) == "INVALID_REQUEST"
    assert await reason(set_own(small, language="German")) == "INVALID_REQUEST"
    assert await reason(set_own(small, language_candidates=["en-US", "German"])) == "INVALID_REQUEST"


async def test_an_old_etag_is_refused(small: World) -> None:
    account = await small.account(small.mine.keys["MEMBER"])
    fresh = await account.GetPreferences(accounts.GetPreferencesRequest())
    first = await set_own(small, etag=fresh.etag, language="fr")
    assert await reason(set_own(small, etag=fresh.etag, language="de")) == "ETAG_MISMATCH"
    await set_own(small, etag=first.etag, language="de")
    tenant = await set_tenant(small, language="de")
    await set_tenant(small, etag=tenant.etag, language="en")
    assert await reason(set_tenant(small, etag=tenant.etag, language="fr")) == "ETAG_MISMATCH"


async def test_preferences_are_the_callers_own(small: World) -> None:
    await set_own(small, language="fr")
    other = await small.account(small.mine.keys["VIEWER"])
    seen = await other.GetPreferences(accounts.GetPreferencesRequest())
    assert not seen.job_defaults.config.HasField("language")


async def test_the_export_format_is_kept_for_clients(small: World) -> None:
    wanted = identity.JobDefaults(export_format=transcripts.ExportTranscriptRequest.FORMAT_VTT)
    request = accounts.UpdatePreferencesRequest(preferences=accounts.Preferences(job_defaults=wanted))
    kept = await (await small.account(small.mine.keys["MEMBER"])).UpdatePreferences(request)
    assert kept.job_defaults.export_format == transcripts.ExportTranscriptRequest.FORMAT_VTT
