"""Manage voices, which name speakers across recordings."""

from __future__ import annotations

import uuid

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from locution.v1 import voice_service_pb2 as pb
from locution.v1.voice_service_pb2_grpc import VoiceServiceStub

from locution_client.calls import Access
from locution_client.service import Service


class Voices(Service):
    """Call VoiceService."""

    def __init__(self, channel: grpc.aio.Channel, access: Access) -> None:
        super().__init__(access)
        self._stub = VoiceServiceStub(channel)

    async def enrol(self, display_name: str, job: str, speaker: str = "SPEAKER_00") -> pb.Voice:
        """Enrol a speaker of a finished job."""
        voice, key = pb.Voice(display_name=display_name), str(uuid.uuid4())
        request = pb.CreateVoiceRequest(voice=voice, job=job, speaker=speaker, request_id=key)
        return await self._call(self._stub.CreateVoice, request)

    async def get(self, name: str) -> pb.Voice:
        """Read one voice."""
        return await self._call(self._stub.GetVoice, pb.GetVoiceRequest(name=name))

    async def all(self) -> list[pb.Voice]:
        """List all voices."""
        return await self._list(self._stub.ListVoices, pb.ListVoicesRequest(), "voices")

    async def rename(self, name: str, display_name: str) -> pb.Voice:
        """Change a voice's display name."""
        voice = pb.Voice(name=name, display_name=display_name)
        request = pb.UpdateVoiceRequest(voice=voice, update_mask=FieldMask(paths=["display_name"]))
        return await self._call(self._stub.UpdateVoice, request)

    async def delete(self, name: str) -> None:
        """Delete a voice."""
        await self._call(self._stub.DeleteVoice, pb.DeleteVoiceRequest(name=name))
