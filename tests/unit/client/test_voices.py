"""`locution voices` against a fake gateway: what is sent, and that nothing of a sample stays."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from locution.v1.job_service_pb2_grpc import add_JobServiceServicer_to_server
from locution.v1.upload_service_pb2_grpc import add_UploadServiceServicer_to_server
from locution.v1.voice_service_pb2 import CreateVoiceRequest, ListVoicesResponse, Voice
from locution.v1.voice_service_pb2_grpc import VoiceServiceServicer, add_VoiceServiceServicer_to_server
from locution_client.cli import exit_codes

from tests.unit.client.conftest import Command
from tests.unit.client.fake_gateway import Context, FakeGateway, refusal

Capture = pytest.CaptureFixture[str]


class VoiceGateway(FakeGateway, VoiceServiceServicer):
    """Keeps voices too, and deletes."""

    def __init__(self) -> None:
        super().__init__()
        self.voices: dict[str, Voice] = {}

    async def CreateVoice(self, request: Any, context: Context) -> Voice:
        await self.guard("CreateVoice", request, context)
        voice = Voice(name=f"voices/v{len(self.voices)}", display_name=request.voice.display_name)
        self.voices[voice.name] = voice
        return voice

    async def GetVoice(self, request: Any, context: Context) -> Voice:
        await self.guard("GetVoice", request, context)
        return self.voices[request.name]

    async def ListVoices(self, request: Any, context: Context) -> ListVoicesResponse:
        await self.guard("ListVoices", request, context)
        return ListVoicesResponse(voices=self.voices.values())

    async def UpdateVoice(self, request: Any, context: Context) -> Voice:
        await self.guard("UpdateVoice", request, context)
        assert list(request.update_mask.paths) == ["display_name"]
        self.voices[request.voice.name].display_name = request.voice.display_name
        return self.voices[request.voice.name]

    async def DeleteVoice(self, request: Any, context: Context) -> Empty:
        await self.guard("DeleteVoice", request, context)
        del self.voices[request.name]
        return Empty()

    async def DeleteJob(self, request: Any, context: Context) -> Empty:
        del self.jobs[request.name]
        return Empty()

    async def DeleteUpload(self, request: Any, context: Context) -> Empty:
        del self.uploads[request.name]
        return Empty()


@pytest.fixture
def gateway() -> VoiceGateway:
    return VoiceGateway()


@pytest.fixture
async def address(gateway: VoiceGateway) -> AsyncIterator[str]:
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    add_UploadServiceServicer_to_server(gateway, server)
    add_JobServiceServicer_to_server(gateway, server)
    add_VoiceServiceServicer_to_server(gateway, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


@pytest.fixture
def sample(tmp_path: Path) -> str:
    path = tmp_path / "ada.wav"
    path.write_bytes(b"RIFF and so on")
    return str(path)


async def test_a_sample_is_enrolled_and_deleted(
    command: Command, gateway: VoiceGateway, sample: str, capsys: Capture
) -> None:
    assert await command("voices", "enrol", sample, "--name", "Ada", "--json") == exit_codes.OK
    assert json.loads(capsys.readouterr().out)["display_name"] == "Ada"
    (asked,) = [request for request in gateway.requests if isinstance(request, CreateVoiceRequest)]
    assert (asked.job, asked.speaker) == ("jobs/j0", "SPEAKER_00")
    assert gateway.jobs == gateway.uploads == {}


async def test_a_sample_that_is_refused_is_deleted_too(command: Command, gateway: VoiceGateway, sample: str) -> None:
    gateway.refuse["CreateVoice"] = refusal(grpc.StatusCode.FAILED_PRECONDITION, "VOICE_SAMPLE_UNUSABLE", "too short")
    assert await command("voices", "enrol", sample, "--name", "Ada") != exit_codes.OK
    assert gateway.jobs == gateway.uploads == {}


async def test_the_speaker_of_a_job_is_enrolled_renamed_and_deleted(
    command: Command, gateway: VoiceGateway, capsys: Capture
) -> None:
    assert await command("voices", "enrol", "--job", "jobs/x", "--speaker", "SPEAKER_01", "--name", "Ada") == 0
    assert await command("voices", "rename", "v0", "Ada L.") == 0
    capsys.readouterr()
    assert await command("voices", "list") == 0
    assert "Ada L." in capsys.readouterr().out
    assert await command("voices", "get", "v0") == 0
    assert "Ada L." in capsys.readouterr().out
    assert await command("voices", "delete", "voices/v0") == 0
    assert gateway.voices == {}


@pytest.mark.parametrize("given", [[], ["x.wav", "--job", "jobs/x"], ["absent.wav"]])
async def test_an_enrolment_needs_one_source(command: Command, given: list[str]) -> None:
    assert await command("voices", "enrol", *given, "--name", "Ada") == exit_codes.USAGE
