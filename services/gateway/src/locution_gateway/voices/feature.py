"""Voices in the process `api`: names their adapters, as app_api does for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import grpc
from locution.v1 import voice_service_pb2_grpc

from locution_gateway.platform.database import TenantDatabase
from locution_gateway.voices.manage import ManageVoices
from locution_gateway.voices.postgres import PostgresVoices
from locution_gateway.voices.servicer import Voices
from locution_gateway.voices.settings import VoiceSettings

NAMES: Final = ("locution.v1.VoiceService",)


def servicers(settings: VoiceSettings, database: TenantDatabase) -> list[Callable[[grpc.aio.Server], object]]:
    """Return what adds the service to a server."""
    voices = Voices(ManageVoices(PostgresVoices(database), settings.max_voices))
    return [lambda server: voice_service_pb2_grpc.add_VoiceServiceServicer_to_server(voices, server)]
