"""Pods are killed and stores restarted while a recording and a live session are under way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.cluster.release import Release
from tests.cluster.work import kill, transcribing
from tests.e2e.test_live import Told, assert_nothing_lost, talk


@pytest.mark.parametrize("name", ["worker", "asr", "diarizer", "registry", "api", "postgres", "s3"])
def test_a_recording_outlives_its_pods(release: Release, recording: Path, undisturbed_text: str, name: str) -> None:
    """A job whose pods are killed in the middle ends with the same text"""
    with transcribing(release, recording) as text:
        kill(name)
        assert text() == undisturbed_text


@pytest.mark.parametrize("name", ["asr", "api"])
async def test_a_live_session_outlives_its_pods(release: Release, pcm: bytes, undisturbed: Told, name: str) -> None:
    """A live session whose pods are killed in the middle hears all audio once and says the same"""

    async def strike(_: object) -> None:
        await asyncio.to_thread(kill, name)

    told = await talk(release.installation(), pcm, speed=1, strike=strike)
    assert told.resumed if name == "api" else told.replaced
    assert_nothing_lost(told, undisturbed)
