"""Open enrolled voices."""

from __future__ import annotations

from typing import Any

from locution.v1.voice_service_pb2_grpc import add_VoiceServiceServicer_to_server

from locution_gateway.jobs.ports import VoiceChooser
from locution_gateway.platform.assembly import Assembly
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.voices.choose import ChooseVoices
from locution_gateway.voices.manage import ManageVoices
from locution_gateway.voices.postgres import PostgresVoices
from locution_gateway.voices.servicer import Voices
from locution_gateway.voices.settings import VoiceSettings


async def open_api(assembly: Assembly[Any]) -> None:
    """Serve VoiceService, and provide the choice of voices for new jobs."""
    store = PostgresVoices(assembly.need(TenantDatabase))
    assembly.provide(ChooseVoices(store), VoiceChooser)
    voices = Voices(ManageVoices(store, assembly.settings(VoiceSettings).max_voices))
    assembly.serve("locution.v1.VoiceService", add_VoiceServiceServicer_to_server, voices)


async def open_worker(assembly: Assembly[Any]) -> None:
    """Provide the voices that name speakers."""
    assembly.provide(PostgresVoices(assembly.need(TenantDatabase)))
