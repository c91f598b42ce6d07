"""What the service refuses: by name, at once, and without harm to others."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from locution.engine.v1 import asr_service_pb2 as pb
from locution.engine.v1 import common_pb2
from locution.v1 import model_service_pb2 as models
from locution_common.errors import Code

from tests.service.asr.client import RATE, audio, start
from tests.service.asr.conftest import Serve, Stack
from tests.service.asr.recordings import pcm
from tests.support.models import model_folder
from tests.support.testdata import recording

QUIET = np.zeros(RATE, np.int16)


def message(wanted: pb.TranscribeStart) -> pb.TranscribeRequest:
    return pb.TranscribeRequest(start=wanted)


@pytest.mark.parametrize(
    ("requests", "reason"),
    [
        (audio(QUIET), "STREAM_PROTOCOL_VIOLATED"),
        ([message(start()), message(start())], "STREAM_PROTOCOL_VIOLATED"),
        ([message(start()), *audio(QUIET, offset=5)], "AUDIO_OFFSET_MISMATCH"),
        ([message(start()), *audio(QUIET), *audio(QUIET)], "AUDIO_OFFSET_MISMATCH"),
        ([message(start("whisper/none"))], "MODEL_NOT_FOUND"),
        ([message(start(language="de"))], "OPTION_UNSUPPORTED"),
        ([message(start(translate=True))], "OPTION_UNSUPPORTED"),
        ([message(start(language_candidates=["en", "fr"]))], "OPTION_UNSUPPORTED"),
        ([message(start("whisper/base", language="xx"))], "OPTION_UNSUPPORTED"),
        ([message(start(decode_preference=pb.DECODE_PREFERENCE_FAST))], "OPTION_UNSUPPORTED"),
        ([message(start(min_encoder_input=timedelta(seconds=7.5)))], "OPTION_UNSUPPORTED"),
        ([message(start(min_encoder_input=timedelta(seconds=31)))], "INVALID_REQUEST"),
        ([message(pb.TranscribeStart(model="whisper/tiny.en"))], "INVALID_REQUEST"),
        ([message(start(beam_size=11))], "INVALID_REQUEST"),
    ],
)
@pytest.mark.asyncio(loop_scope="package")
async def test_refusals_have_their_reason(shared: Stack, requests: list[pb.TranscribeRequest], reason: str) -> None:
    failure = await shared.client.refusal(requests)
    assert failure.reason == reason


@pytest.mark.asyncio(loop_scope="package")
async def test_half_a_sample_is_refused(shared: Stack) -> None:
    odd = pb.TranscribeRequest(audio=common_pb2.AudioChunk(pcm=b"abc"))
    failure = await shared.client.refusal([message(start()), odd])
    assert failure.code is Code.INVALID_ARGUMENT


async def test_a_section_may_not_be_longer_than_the_limit(serve: Serve) -> None:
    async with serve(asr_section_seconds=2) as stack:
        failure = await stack.client.refusal([message(start()), *audio(np.zeros(3 * RATE, np.int16))])
    assert failure.reason == "AUDIO_TOO_LONG"


async def test_beyond_capacity_a_section_is_refused_at_once(serve: Serve) -> None:
    async with serve(asr_sections=1) as stack:
        opened = await stack.client.open()
        failure = await stack.client.refusal([message(start())])
        assert failure.reason == "ENGINE_OVERLOADED"
        assert failure.code is Code.RESOURCE_EXHAUSTED
        assert failure.retry_after
        assert await stack.running.context.health.check(), "a full service stays ready"
        opened.leave()
        await until_served(stack)


async def until_served(stack: Stack) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await stack.client.converse([message(start())])
            except Exception:  # noqa: BLE001 - the place is not free yet; the timeout decides
                await asyncio.sleep(0.02)
            else:
                return


async def test_a_disabled_model_is_refused_with_the_administrators_reason(stack: Stack) -> None:
    model = stack.registry.models["whisper/tiny.en"].resource
    model.state, model.state_reason = models.Model.STATE_DISABLED, "under review"
    failure = await stack.client.refusal([message(start())])
    assert failure.reason == "MODEL_NOT_USABLE"
    assert "under review" in failure.message


def copied(root: Path, name: str = "whisper/tiny.en") -> Path:
    """Link a model's files into another models root."""
    folder = root / name
    folder.mkdir(parents=True)
    for file in model_folder("whisper/tiny.en").iterdir():
        (folder / file.name).hardlink_to(file.resolve()) if file.name == "model.bin" else (
            (folder / file.name).write_bytes(file.read_bytes())
        )
    return folder


async def test_changed_files_are_not_loaded(serve: Serve, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    async with serve(models_root=tmp_path) as stack:
        (folder / "vocabulary.txt").write_text("other")
        failure = await stack.client.refusal([message(start())])
    assert failure.reason == "MODEL_CHECKSUM_MISMATCH"


async def test_a_link_out_of_the_models_root_is_not_followed(serve: Serve, tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    folder = copied(outside)
    (root / "whisper").mkdir(parents=True)
    (root / "whisper/tiny.en").symlink_to(folder)
    async with serve(models_root=root) as stack:
        failure = await stack.client.refusal([message(start())])
    assert failure.reason == "MODEL_PATH_INVALID"


async def test_a_folder_that_holds_no_model_cannot_be_loaded(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "whisper/broken"
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"nothing of use")
    async with serve(models_root=tmp_path) as stack:
        stack.registry.add("whisper/broken", folder)
        failure = await stack.client.refusal([message(start("whisper/broken"))])
    assert failure.reason == "MODEL_LOAD_FAILED"
    assert str(tmp_path) not in failure.message


async def test_the_registry_may_be_away_while_a_known_model_is_used(stack: Stack) -> None:
    await stack.client.converse([message(start())])
    stack.registry.away = True
    await asyncio.sleep(2.1)  # the record is older than the directory calls fresh
    await stack.client.converse([message(start())])
    failure = await stack.client.refusal([message(start("whisper/base"))])
    assert failure.reason == "DEPENDENCY_UNAVAILABLE"


@pytest.mark.asyncio(loop_scope="package")
async def test_one_faulty_caller_does_not_disturb_another(shared: Stack) -> None:
    speech = pcm(recording("jfk.wav"))
    faulty = [message(start()), *audio(speech[: 5 * RATE]), *audio(QUIET, offset=1)]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(shared.client.transcribe(speech))
        refused = [group.create_task(shared.client.refusal(faulty)) for _ in range(5)]
    good, failures = task.result(), [item.result() for item in refused]
    assert "country" in good.text
    assert {failure.reason for failure in failures} == {"AUDIO_OFFSET_MISMATCH"}
