"""Enrol voices, by which speakers are named across recordings."""

from __future__ import annotations

import uuid

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from locution.v1 import voice_service_pb2 as pb
from locution.v1.voice_service_pb2_grpc import VoiceServiceStub

from locution_client.calls import DEADLINE, retrying


class Voices:
    """Call VoiceService."""

    def __init__(self, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
        self._stub = VoiceServiceStub(channel)
        self._metadata = metadata

    async def enrol(self, display_name: str, job: str, speaker: str = "SPEAKER_00") -> pb.Voice:
        """Enrol a speaker of a finished job."""
        voice, key = pb.Voice(display_name=display_name), str(uuid.uuid4())
        request = pb.CreateVoiceRequest(voice=voice, job=job, speaker=speaker, request_id=key)
        return await retrying(lambda: self._stub.CreateVoice(request, metadata=self._metadata, timeout=DEADLINE))

    async def get(self, name: str) -> pb.Voice:
        """Read one voice."""
        request = pb.GetVoiceRequest(name=name)
        return await retrying(lambda: self._stub.GetVoice(request, metadata=self._metadata, timeout=DEADLINE))

    async def all(self) -> list[pb.Voice]:
        """List all voices."""
        voices: list[pb.Voice] = []
        request = pb.ListVoicesRequest(page_size=1000)
        while True:
            page = await retrying(lambda: self._stub.ListVoices(request, metadata=self._metadata, timeout=DEADLINE))
            voices.extend(page.voices)
            if not page.next_page_token:
                return voices
            request.page_token = page.next_page_token

    async def rename(self, name: str, display_name: str) -> pb.Voice:
        """Change a voice's display name."""
        voice = pb.Voice(name=name, display_name=display_name)
        request = pb.UpdateVoiceRequest(voice=voice, update_mask=FieldMask(paths=["display_name"]))
        return await retrying(lambda: self._stub.UpdateVoice(request, metadata=self._metadata, timeout=DEADLINE))

    async def delete(self, name: str) -> None:
        """Delete a voice."""
        request = pb.DeleteVoiceRequest(name=name)
        await retrying(lambda: self._stub.DeleteVoice(request, metadata=self._metadata, timeout=DEADLINE))
