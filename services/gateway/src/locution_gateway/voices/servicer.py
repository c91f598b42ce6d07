"""VoiceService."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.empty_pb2 import Empty
from locution.v1 import voice_service_pb2 as pb
from locution.v1.voice_service_pb2_grpc import VoiceServiceServicer
from locution_common.auth import caller

from locution_gateway.platform.convert import request_key
from locution_gateway.platform.each import each
from locution_gateway.platform.etags import version
from locution_gateway.platform.names import JOBS, VOICES
from locution_gateway.platform.principal import Principal
from locution_gateway.platform.servicer import Context
from locution_gateway.voices import convert
from locution_gateway.voices.manage import ManageVoices


@dataclass(frozen=True, slots=True)
class Voices(VoiceServiceServicer):
    """Manages the voices that name speakers."""

    manage: ManageVoices

    async def CreateVoice(self, request: pb.CreateVoiceRequest, context: Context) -> pb.Voice:
        name, key = convert.display_name(request.voice), request_key("CreateVoice", request)
        voice = await self.manage.create(caller(Principal), name, JOBS.id(request.job), request.speaker, key)
        return convert.voice_to_proto(voice)

    async def GetVoice(self, request: pb.GetVoiceRequest, context: Context) -> pb.Voice:
        return convert.voice_to_proto(await self.manage.get(caller(Principal), VOICES.id(request.name)))

    async def ListVoices(self, request: pb.ListVoicesRequest, context: Context) -> pb.ListVoicesResponse:
        voices, token = await self.manage.list(caller(Principal), request.page_size, request.page_token)
        return pb.ListVoicesResponse(voices=await each(convert.voice_to_proto, voices), next_page_token=token)

    async def UpdateVoice(self, request: pb.UpdateVoiceRequest, context: Context) -> pb.Voice:
        voice_id, current = VOICES.id(request.voice.name), version(request.voice.etag)
        values, mask = convert.change(request.voice), request.update_mask.paths
        return convert.voice_to_proto(await self.manage.update(caller(Principal), voice_id, current, mask, values))

    async def DeleteVoice(self, request: pb.DeleteVoiceRequest, context: Context) -> Empty:
        await self.manage.delete(caller(Principal), VOICES.id(request.name), version(request.etag))
        return Empty()
