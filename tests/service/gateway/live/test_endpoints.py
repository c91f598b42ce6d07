"""When text becomes final: what the engine is asked for, what the client is told, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from locution.v1 import live_service_pb2 as pb

from tests.service.gateway.live.conftest import House
from tests.service.gateway.live.talk import SECOND, config

PAUSE, RECORDING = pb.LiveConfig.ENDPOINT_MODE_PAUSE, pb.LiveConfig.ENDPOINT_MODE_RECORDING


@pytest.mark.parametrize(
    ("wanted", "mode", "silence"),
    [
        ({}, PAUSE, 0.8),
        ({"endpoint_mode": PAUSE}, PAUSE, 0.8),
        ({"endpoint_mode": PAUSE, "endpoint_silence": Duration(seconds=2)}, PAUSE, 2.0),
        ({"endpoint_silence": Duration(nanos=500_000_000)}, PAUSE, 0.5),
        ({"endpoint_mode": RECORDING}, RECORDING, None),
    ],
)
async def test_text_is_final_after_a_pause_unless_a_recording_is_asked_for(
    house: House, wanted: dict[str, Any], mode: int, silence: float | None
) -> None:
    talk = house.speaker.talk()
    told = (await talk.begin(config(**wanted))).config
    assert told.endpoint_mode == mode
    assert told.HasField("endpoint_silence") == (silence is not None)
    assert told.endpoint_silence.ToTimedelta().total_seconds() == (silence or 0.0)
    await talk.finish()
    assert house.engine.starts[-1].endpoint_samples == round((silence or 0.0) * SECOND)


async def test_a_silence_and_a_recording_exclude_each_other(house: House) -> None:
    talk = house.speaker.talk()
    wanted = config(endpoint_mode=RECORDING, endpoint_silence=Duration(seconds=1))
    await talk.say(start=pb.StreamStart(config=wanted))
    refusal = await talk.refusal()
    assert refusal.reason == "INVALID_REQUEST"
    assert "endpoint_silence must be unset with ENDPOINT_MODE_RECORDING" in str(refusal)


async def test_a_mode_that_does_not_exist_is_refused(house: House) -> None:
    talk = house.speaker.talk()
    await talk.say(start=pb.StreamStart(config=config(endpoint_mode=9)))
    assert (await talk.refusal()).reason == "INVALID_REQUEST"


async def test_a_session_of_an_older_server_keeps_the_cut_of_a_recording(house: House) -> None:
    """Its stored configuration has no silence, and names no mode."""
    talk = house.speaker.talk()
    name = (await talk.begin()).session
    await talk.leave()
    stored = json.loads(await house.gateway.owner.fetchval("SELECT config FROM gateway.live_sessions"))
    assert stored.pop("silence") == round(0.8 * SECOND)
    await house.gateway.owner.execute("UPDATE gateway.live_sessions SET config = $1", json.dumps(stored))
    session = await house.speaker.stub.GetSession(pb.GetSessionRequest(name=name))
    assert session.config.endpoint_mode == RECORDING
