"""Voices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from locution.v1 import voice_service_pb2 as pb
from locution_common.errors import Reason, Refused

from locution_gateway.platform.convert import refuse_others, timestamp
from locution_gateway.platform.etags import etag
from locution_gateway.platform.names import parse_id
from locution_gateway.voices.models import Voice, VoiceChange, VoiceId

SETTABLE: Final = frozenset({"display_name"})
UPDATABLE: Final = SETTABLE | {"name", "etag"}


def voice_id(name: str) -> VoiceId:
    """Return the id in a voice's name; a name that is none names nothing."""
    found = parse_id("voices", name)
    if found is None:
        raise Refused(Reason.VOICE_NOT_FOUND)
    return VoiceId(found)


def voice_name(voice_id: UUID) -> str:
    """Return a voice's name."""
    return f"voices/{voice_id}"


def voice_ids(names: Iterable[str]) -> tuple[UUID, ...]:
    """Return the ids in voices' names."""
    return tuple(map(voice_id, names))


def display_name(voice: pb.Voice) -> str:
    """Return what a client calls a new voice; refused with INVALID_REQUEST for what is not the client's to say."""
    refuse_others(voice, "voice", SETTABLE)
    return voice.display_name


def change(voice: pb.Voice) -> VoiceChange:
    """Return the values of an update; refused with INVALID_REQUEST for fields that no update changes."""
    refuse_others(voice, "voice", UPDATABLE)
    return VoiceChange(voice.display_name)


def voice_to_proto(voice: Voice) -> pb.Voice:
    """Return a voice as clients see it."""
    return pb.Voice(
        name=voice_name(voice.voice_id),
        display_name=voice.display_name,
        model=voice.model.path,
        checksum=voice.model.checksum,
        create_time=timestamp(voice.create_time),
        etag=etag(voice.version),
    )
