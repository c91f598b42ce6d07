"""Where decoding begins again follows from what the engine told of itself, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from locution_gateway.jobs.config import Afterwards
from locution_gateway.live.attach import Restart, restart
from locution_gateway.live.audio import begin_before
from locution_gateway.live.models import ListenFrom, LiveConfig, LiveEncoding, LiveId, LiveSession, LiveState
from locution_gateway.models.models import ModelChoice
from locution_gateway.platform.principal import TenantId
from locution_speech.asr import EngineSizes
from locution_speech.clock import samples

SIZES = EngineSizes(frame=480, warm_up=samples(3.0), longest_window=samples(29.0))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SESSION = LiveSession(
    session_id=LiveId(uuid4()), tenant_id=TenantId(uuid4()), created_by="t", display_name="", state=LiveState.OPEN,
    config=LiveConfig(LiveEncoding.PCM_S16LE, "en", ModelChoice("w/b", ""), 8000, Afterwards.DELETE, sample_rate=16_000),
    attached=True, kept=samples(100.0), audio_samples=samples(100.0), done_sample=samples(50.0), last_final=3,
    heard_language="en", end_reason="", upload_id=None, job_id=None, trace_context="", create_time=NOW, end_time=None,
    expire_time=NOW, engine=SIZES,
)  # fmt: skip


def test_an_engine_hears_its_warm_up_again_from_a_boundary_of_its_frames() -> None:
    found = restart(SESSION)
    assert found.listen == ListenFrom(samples(47.0) // 480 * 480, samples(50.0), "en", "")
    assert found.offset == found.listen.first


def test_where_no_engine_told_what_it_needs_it_hears_all() -> None:
    assert restart(replace(SESSION, engine=None)) == Restart(0, ListenFrom(0, samples(50.0), "en", ""))


def test_audio_that_was_not_kept_is_not_begun_behind() -> None:
    found = restart(replace(SESSION, kept=samples(2.01)))
    assert found.listen.first == samples(2.01) // 480 * 480


@pytest.mark.parametrize("done", [0.0, 2.0])
def test_nothing_lies_before_the_beginning(done: float) -> None:
    assert restart(replace(SESSION, done_sample=samples(done))).listen.first == 0


def test_another_rate_is_read_from_where_its_samples_are_exact() -> None:
    config = replace(SESSION.config, sample_rate=44_100)
    found = restart(replace(SESSION, config=config, kept=100 * 44_100))
    assert found.offset == begin_before(found.listen.first, 44_100)


def test_compressed_audio_is_read_from_its_beginning() -> None:
    config = replace(SESSION.config, encoding=LiveEncoding.FLAC, sample_rate=None)
    assert restart(replace(SESSION, config=config)).offset == 0
