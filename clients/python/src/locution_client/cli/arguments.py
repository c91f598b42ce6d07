"""Arguments and options: how they are declared, and those that several commands share."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.message import Message
from locution.v1 import job_config_pb2
from locution.v1 import job_service_pb2 as jobs_pb

from locution_client.rules import rules
from locution_client.sources import STDIN
from locution_client.transcripts import FORMATS

T = TypeVar("T")

ID = r"[a-z0-9-]{1,64}"
TENANT_ID = r"[a-z][a-z0-9-]{1,62}"


@dataclass(frozen=True, slots=True)
class Argument:
    """Hold what argparse's add_argument takes."""

    flags: tuple[str, ...]
    settings: Mapping[str, Any]


def argument(*flags: str, **settings: Any) -> Argument:
    """Declare an argument or an option."""
    return Argument(flags, settings)


def switch(flag: str, text: str) -> Argument:
    """Declare an option without a value."""
    return argument(flag, action="store_true", help=text)


def words(flag: str, values: Mapping[str, object], text: str, **settings: Any) -> Argument:
    """Declare an option that takes a word, and gives the value that the word stands for."""
    return argument(flag, type=one_of(values), metavar="|".join(values), help=text, **settings)


def either(enable: str, disable: str) -> tuple[Argument, Argument]:
    """Declare --enable and --disable, which exclude each other."""
    return (
        argument("--enable", action="store_true", default=None, help=enable),
        argument("--disable", dest="enable", action="store_false", default=None, help=disable),
    )


def state(states: Mapping[str, int], enable: bool | None) -> int | None:
    """Return the state that --enable or --disable asks for, or None."""
    return None if enable is None else states["active" if enable else "disabled"]


def pattern(text: str, advice: str) -> Callable[[str], str]:
    """Return a parser that accepts what a pattern matches, and returns its group or else the whole match."""
    compiled = re.compile(text)

    def parse(given: str) -> str:
        found = compiled.fullmatch(given)
        if found is None:
            raise ArgumentTypeError(f"{given!r}: {advice}")
        return found[compiled.groups]

    return parse


def name_of(kind: str, identifier: str = ID) -> Callable[[str], str]:
    """Return a parser of `KINDs/ID` and `ID` that returns the full name."""
    advice = f"Not a {kind} name. Use {kind}s/ID; list them with `locution {kind}s list`."
    found = pattern(rf"(?:{kind}s/)?({identifier})", advice)
    return lambda text: f"{kind}s/{found(text)}"


def of_tenant(collection: str, metavar: str) -> Argument:
    """Declare an argument that takes `tenants/T/COLLECTION/ID` and `ID`."""
    advice = f"Not a name of this kind. Use tenants/T/{collection}/ID, or the ID alone."
    parser = pattern(rf"(?:tenants/{TENANT_ID}/{collection}/)?{ID}", advice)
    return argument(metavar.lower(), type=parser, metavar=metavar, help="name or ID")


def one_of(values: Mapping[str, T]) -> Callable[[str], T]:
    """Return a parser that maps words to values."""

    def parse(text: str) -> T:
        if text not in values:
            raise ArgumentTypeError(f"{text!r} is not one of {', '.join(values)}")
        return values[text]

    return parse


def number(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of whole numbers within bounds."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,9}", text, re.ASCII) or not least <= int(text) <= most:
            raise ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return parse


def bounded(message: type[Message], field: str) -> Callable[[str], int]:
    """Return a parser of whole numbers within the bounds of a proto field."""
    bounds = rules(message, field).int32
    return number(bounds.gte, bounds.lte)


def fraction(message: type[Message], field: str) -> Callable[[str], float]:
    """Return a parser of numbers within the bounds of a proto field."""
    bounds = rules(message, field).float

    def parse(text: str) -> float:
        if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII) or not bounds.gte <= float(text) <= bounds.lte:
            raise ArgumentTypeError(f"{text!r} is not a number from {bounds.gte:g} to {bounds.lte:g}")
        return float(text)

    return parse


def several(parse: Callable[[str], T]) -> Callable[[str], list[T]]:
    """Return a parser of values with commas between them, for action="extend"."""
    return lambda text: [parse(each.strip()) for each in text.split(",")]


def recording(text: str) -> Path:
    """Read the path of a recording; "-" is standard input."""
    return STDIN if text in ("-", "/dev/fd/0") else Path(text)


job_name, voice_name, tenant_name = name_of("job"), name_of("voice"), name_of("tenant", TENANT_ID)
model_name = pattern(
    r"(?:models/)?([A-Za-z0-9._-]{1,64}/[A-Za-z0-9._-]{1,64})",
    "Not a model name. Use SET/MODEL, for example whisper/base; list them with `locution models list`.",
)
tag_name = pattern(r"(?:tags/)?([A-Za-z0-9_.:-]{1,64})", "Not a tag. Use 1 to 64 letters, digits or any of _ - . :")
speaker_count = bounded(job_config_pb2.DiarizationConfig, "speaker_count")

JSON = switch("--json", "print JSON")
LABEL = argument("--label", metavar="TEXT", help="label for people")
LIMIT = argument("--limit", type=number(0, 100_000), default=50, metavar="N", help="most entries to list (default: 50)")

FILES = argument(
    "files", nargs="+", type=recording, metavar="FILE", help="audio or video file, or a pipe; - reads standard input"
)
FORMAT = argument(
    "--format",
    dest="formats",
    action="extend",
    type=several(one_of({name: name for name in sorted(FORMATS)})),
    metavar="FORMAT[,FORMAT]",
    help=f"transcript format: {', '.join(sorted(FORMATS))}; several go to a folder, --output FOLDER"
    " (default: your settings, else your tenant's, else txt)",
)
OUTPUT = argument("--output", metavar="PATH", help="file or folder to write to (default: standard output)")
FORCE = switch("--force", "overwrite existing files")

JOB = argument("job", type=job_name, metavar="JOB", help="job name: jobs/ID")
JOBS = argument("jobs", nargs="+", type=job_name, metavar="JOB", help="job name: jobs/ID")
VOICE = argument("voice", type=voice_name, metavar="VOICE", help="voice name: voices/ID")
WEBHOOK = argument("webhook", type=name_of("webhook"), metavar="WEBHOOK", help="webhook name: webhooks/ID")
TAG = argument("tag", type=tag_name, metavar="TAG", help="tag")
TAGS = argument("tags", nargs="+", type=tag_name, metavar="TAG", help="tag")

PRIORITY = argument(
    "--priority",
    type=bounded(jobs_pb.Job, "priority"),
    metavar="N",
    help="priority from -10 to 10 among your tenant's jobs; higher runs first",
)

LANGUAGE = argument(
    "--language", metavar="auto|xx", help="language of the speech, for example en, pt-BR or deu (default: auto)"
)
ASR_MODEL = argument(
    "--asr-model", type=model_name, metavar="SET/MODEL", help="speech recognition model (default: the server's)"
)
DIARIZER_MODEL = argument(
    "--diarizer-model", type=model_name, metavar="SET/MODEL", help="diarization model (default: the server's)"
)
SPEAKERS = argument("--speakers", type=speaker_count, metavar="N", help="exact number of speakers, 1 to 50")

TENANT = argument("tenant", type=tenant_name, metavar="TENANT", help="tenant name")
IN_TENANT = argument("--tenant", type=tenant_name, metavar="TENANT", help="tenant (default: your own)")
FOR_TENANT = argument(
    "--tenant", type=tenant_name, metavar="TENANT", help="act on this tenant, not on your account (administrators only)"
)
