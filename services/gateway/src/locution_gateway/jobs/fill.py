"""Fill what a request leaves unset from its caller's preferences and its tenant's settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final

from locution_gateway.jobs.config import DiarizationRequest, JobRequestConfig
from locution_gateway.media.models import ChannelMode

OWN: Final = ("prompt", "hotwords", "audio_format")
"""What belongs to one recording and has no default."""
COUNTS: Final = ("speaker_count", "min_speaker_count", "max_speaker_count")


class Origin(StrEnum):
    """Who chose a value."""

    REQUEST = "request"
    USER = "user"
    TENANT = "tenant"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Filled:
    """A request with its gaps filled; the origin of each field by its name, "server" for what is still unset."""

    config: JobRequestConfig
    origins: dict[str, str]


def fill(asked: JobRequestConfig, user: JobRequestConfig, tenant: JobRequestConfig) -> Filled:
    """Take each value from the request, else the user, else the tenant.

    A default that contradicts what a nearer source says is left out: the request's wish for separate channels, or for
    no times of words, turns a default diarization off.
    """
    config, origins = asked, dict(_origins(asked))
    for source, origin in ((user, Origin.USER), (tenant, Origin.TENANT)):
        config = _fill_from(config, source, origin, origins)
    return Filled(config, origins)


def _origins(asked: JobRequestConfig) -> Iterator[tuple[str, str]]:
    for name in _names(JobRequestConfig):
        if name != "diarization":
            yield name, _origin(getattr(asked, name))
    for name in _names(DiarizationRequest):
        yield f"diarization.{name}", _origin(getattr(asked.diarization, name))


def _origin(value: object) -> str:
    return Origin.REQUEST if _given(value) else Origin.SERVER


def _fill_from(
    config: JobRequestConfig, source: JobRequestConfig, origin: Origin, origins: dict[str, str]
) -> JobRequestConfig:
    values = {}
    for name in _names(JobRequestConfig):
        if name in OWN or name == "diarization" or _given(getattr(config, name)) or not _given(getattr(source, name)):
            continue
        if name == "language_candidates" and config.language not in (None, "auto"):
            continue
        values[name], origins[name] = getattr(source, name), origin.value
    filled = replace(config, **values)
    return replace(filled, diarization=_fill_diarization(filled, source.diarization, origin, origins))


def _fill_diarization(
    config: JobRequestConfig, source: DiarizationRequest, origin: Origin, origins: dict[str, str]
) -> DiarizationRequest:
    wish = config.diarization
    excluded = config.channel_mode is ChannelMode.SEPARATE or config.word_times is False
    if excluded or wish.enabled is False:
        return wish
    values = {}
    for name in _names(DiarizationRequest):
        if getattr(wish, name) is not None or getattr(source, name) is None:
            continue
        if name in COUNTS and any(getattr(wish, count) is not None for count in COUNTS):
            continue
        values[name] = getattr(source, name)
        origins[f"diarization.{name}"] = origin.value
    return replace(wish, **values)


def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _given(value: object) -> bool:
    return value not in (None, ())
