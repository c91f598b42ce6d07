"""SystemService."""

from __future__ import annotations

from dataclasses import dataclass

from locution.v1 import system_service_pb2 as pb
from locution.v1.system_service_pb2_grpc import SystemServiceServicer

from locution_gateway.platform.convert import duration
from locution_gateway.platform.servicer import Context
from locution_gateway.system.models import ServerInfo


@dataclass(frozen=True, slots=True)
class System(SystemServiceServicer):
    """Describes this server."""

    info: ServerInfo

    async def GetServerInfo(self, request: pb.GetServerInfoRequest, context: Context) -> pb.ServerInfo:
        return pb.ServerInfo(
            version=self.info.version,
            max_upload_bytes=self.info.max_upload_bytes,
            max_audio_duration=duration(self.info.max_audio),
            max_channels=self.info.max_channels,
            media_containers=self.info.containers,
        )
