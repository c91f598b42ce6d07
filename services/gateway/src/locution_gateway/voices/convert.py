"""Voices."""

from __future__ import annotations

from typing import Final

from locution.v1 import voice_service_pb2 as pb

from locution_gateway.platform.convert import refuse_others, timestamp
from locution_gateway.platform.etags import etag
from locution_gateway.platform.names import VOICES
from locution_gateway.voices.models import Voice, VoiceChange

SETTABLE: Final = frozenset({"display_name"})
UPDATABLE: Final = SETTABLE | {"name", "etag"}


def display_name(voice: pb.Voice) -> str:
    """Return the name of a new voice. Refuses fields that clients cannot set with INVALID_REQUEST."""
    refuse_others(voice, "voice", SETTABLE)
    return voice.display_name


def change(voice: pb.Voice) -> VoiceChange:
    """Return the values of an update. Refuses immutable fields with INVALID_REQUEST."""
    refuse_others(voice, "voice", UPDATABLE)
    return VoiceChange(voice.display_name)


def voice_to_proto(voice: Voice) -> pb.Voice:
    """Return the public form of a voice."""
    return pb.Voice(
        name=VOICES.name(voice.voice_id),
        display_name=voice.display_name,
        model=voice.model.path,
        checksum=voice.model.checksum,
        create_time=timestamp(voice.create_time),
        etag=etag(voice.version),
    )
