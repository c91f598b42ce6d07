"""Open the server's description of itself."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version
from typing import Any

from locution.v1.system_service_pb2_grpc import add_SystemServiceServicer_to_server

from locution_gateway.media.settings import MediaSettings
from locution_gateway.platform.assembly import Assembly
from locution_gateway.system.models import ServerInfo
from locution_gateway.system.servicer import System
from locution_gateway.uploads.settings import UploadSettings


async def open_api(assembly: Assembly[Any]) -> None:
    """Serve SystemService."""
    media = assembly.settings(MediaSettings)
    info = ServerInfo(
        version("locution-gateway"),
        assembly.settings(UploadSettings).max_upload_bytes,
        timedelta(seconds=media.max_audio_seconds),
        media.max_audio_channels,
    )
    assembly.serve("locution.v1.SystemService", add_SystemServiceServicer_to_server, System(info))
