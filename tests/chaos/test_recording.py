"""A long recording survives three deaths of worker and engine: the same text, and no section done twice (I7)."""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import signal
import wave
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.chaos import load, validator
from tests.chaos.cluster import WORKERS, Cluster
from tests.chaos.history import History, uuid_of
from tests.chaos.recordings import Recording, wav
from tests.chaos.rounds import Chaos
from tests.chaos.validator import Baseline

KILLS = 3
SHORT_MINUTES = 3


def speech(minutes: int) -> Recording:
    """Return the sample of the pyannote.audio wheel, again and again, with some noise so that no two are equal."""
    spec = find_spec("pyannote.audio")
    assert spec is not None
    assert spec.origin is not None
    with wave.open(io.BytesIO((Path(spec.origin).parent / "sample/sample.wav").read_bytes())) as file:
        rate, pcm = file.getframerate(), file.readframes(file.getnframes())
    times = max(1, round(minutes * 60 * rate / (len(pcm) // 2)))
    samples = np.tile(np.frombuffer(pcm, "<i2"), times)
    samples = np.clip(samples + np.random.default_rng(7).integers(-2, 3, samples.size), -32768, 32767)
    return Recording("speech", wav(samples.astype("<i2").tobytes(), rate, 1), minutes * 60.0)


async def transcribe(cluster: Cluster, history: History, recorded: Recording, kill: bool) -> validator.Transcript:
    """Have a recording transcribed, with or without deaths on the way, and return its segments."""
    owner = await cluster.owner()
    try:
        async with load.client(cluster, history, 81) as mine:
            asked = await mine.create(await mine.send(recorded), diarize=True)
            deaths = asyncio.create_task(_deaths(cluster, owner, asked.id)) if kill else None
            await mine.watch(asked)
            row = await owner.fetchrow(
                "SELECT error, warnings FROM gateway.jobs WHERE job_id = $1::text::uuid", asked.id
            )
            assert asked.states[-1] == "SUCCEEDED", row["error"]
            assert json.loads(row["warnings"]) == []
            if deaths is not None:
                await deaths
        return await validator.transcript(owner, uuid_of(asked.name))
    finally:
        await owner.close()


async def _deaths(cluster: Cluster, owner: object, job: str) -> None:
    """Kill a worker and the speech engine whenever another quarter of the sections is done."""
    rng = random.Random(82)
    for number in range(1, KILLS + 1):
        await _until_done(owner, job, number / (KILLS + 1))
        for role in (rng.choice(WORKERS), "asr"):
            assert cluster.supervisor.signal(role, signal.SIGKILL)


async def _until_done(owner: object, job: str, share: float) -> None:
    while True:
        row = await owner.fetchrow(  # type: ignore[attr-defined]  # asyncpg ships no types
            "SELECT count(*) FILTER (WHERE state = 'DONE') AS done, count(*) AS total FROM gateway.stages "
            "WHERE job_id = $1::text::uuid AND kind = 'TRANSCRIBE'",
            job,
        )
        if row["total"] and row["done"] >= share * row["total"]:
            return
        await asyncio.sleep(0.02)


@pytest.mark.timeout(3600)
async def test_a_long_recording_gives_the_same_text_although_worker_and_engine_die(chaos: Chaos, kills: int) -> None:
    recorded = speech(60 if kills else SHORT_MINUTES)
    chaos.cluster.plan(pace=0.0)
    undisturbed = await transcribe(chaos.cluster, chaos.history, recorded, kill=False)
    chaos.cluster.plan(pace=0.1 if not kills else 0.05)
    disturbed = await transcribe(chaos.cluster, chaos.history, recorded, kill=True)
    chaos.kills["worker and asr, long recording"] += 2 * KILLS
    chaos.cluster.plan(pace=0.0)
    assert undisturbed
    assert disturbed == undisturbed
    chaos.cluster.wait_ready()
    assert await validator.check(chaos.cluster, chaos.history, chaos.baseline) == []


@pytest.mark.timeout(3600)
async def test_real_speech_and_a_real_engine_give_the_same_text(kills: int) -> None:
    """The same with asr itself on tiny.en, in a cluster of its own; minutes by LOCUTION_CHAOS_REAL_MINUTES."""
    minutes = int(os.environ.get("LOCUTION_CHAOS_REAL_MINUTES", "0"))
    if not minutes:
        pytest.skip("the real engine takes minutes: LOCUTION_CHAOS_REAL_MINUTES says how many of speech")
    cluster, history = await asyncio.to_thread(Cluster, True), History()
    try:
        recorded = speech(minutes)
        undisturbed = await transcribe(cluster, history, recorded, kill=False)
        disturbed = await transcribe(cluster, history, recorded, kill=True)
        assert undisturbed
        assert _words(disturbed) == _words(undisturbed)
        assert await validator.check(cluster, history, Baseline({})) == []
    finally:
        await asyncio.to_thread(cluster.close)


def _words(segments: validator.Transcript) -> list[str]:
    return [word for _, _, text, _ in segments for word in text.split()]
