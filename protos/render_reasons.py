"""Render the catalogue of reasons: the typed enum that code raises and reads, and the reference page of errors.

Both come from locution/reasons/v1/error_reason.proto: from the options of each value, and from its comment, which
states the meaning and an example. HTTP statuses come from the comments of google/rpc/code.proto.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import EnumValueOptions, FileDescriptorProto, FileDescriptorSet

CATALOGUE: Final = "locution/reasons/v1/error_reason.proto"
OPTIONS: Final = "locution/reasons/v1/error_reason_options.proto"
CODES: Final = "google/rpc/code.proto"
PREFIXES: Final = re.compile("^(ERROR_REASON|RETRY)_")

MODULE: Final = '''\
"""The reasons for which Locution refuses or fails something; generated from {source} by `make gen`.

This module needs the standard library alone: services, clients and the decoder's child import it.
"""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """Name a status code of gRPC."""

    http_status: int
    """The HTTP status that google.rpc.Code maps the code to."""

    def __new__(cls, name: str, http_status: int) -> Code:
        """Make a member."""
        code = str.__new__(cls, name)
        code._value_ = name
        code.http_status = http_status
        return code

{codes}

class Retry(StrEnum):
    """Say whether a refused call may be made again as it is."""

{retries}

class Reason(StrEnum):
    """Name why something was refused or failed."""

    code: Code
    retry: Retry
    message: str
    """What every refusal with this reason says; empty where each says its own."""
    advice: str
    """What helps, as an imperative clause; empty where there is nothing to say."""

    def __new__(
        cls, name: str, code: Code = Code.INTERNAL, retry: Retry = Retry.NO, message: str = "", advice: str = ""
    ) -> Reason:
        """Make a member."""
        reason = str.__new__(cls, name)
        reason._value_ = name
        reason.code, reason.retry, reason.message, reason.advice = code, retry, message, advice
        return reason

    @property
    def http_status(self) -> int:
        """The HTTP status that belongs to the code."""
        return self.code.http_status

{reasons}'''

PAGE: Final = """\
# Errors

<!-- Generated from {source} by `make gen`. -->

Every failed call carries `google.rpc.ErrorInfo` with `domain` "locution" and one of these reasons. A failed job carries
the same. [The API](../api.md) shows how a client reads them.

The column Retry says whether the same call may be made again:

{retries}
| Reason | Code | HTTP | Retry | Meaning and example | What helps |
|---|---|---|---|---|---|
{reasons}"""


class IncompleteError(ValueError):
    """A value of the catalogue lacks a required option or a part of its comment."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One reason of the catalogue."""

    name: str
    code: str
    retry: str
    message: str
    advice: str
    meaning: str
    example: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything to render: the reasons, the meaning of each Retry, and the HTTP status of each code."""

    entries: tuple[Entry, ...]
    retries: Mapping[str, str]
    statuses: Mapping[str, int]


def read(image: FileDescriptorSet) -> Catalogue:
    """Read the catalogue from an image with imports and comments. Raises IncompleteError."""
    files = {file.name: file for file in image.file}
    statuses = {name: re.search(r"HTTP Mapping: (\d+)", comment) for name, comment in _comments(files[CODES]).items()}
    return Catalogue(
        entries=tuple(_entries(image, files[CATALOGUE])),
        retries=dict(list(_comments(files[OPTIONS]).items())[1:]),
        statuses={name: int(found[1]) for name, found in statuses.items() if found and name != "OK"},
    )


def _entries(image: FileDescriptorSet, file: FileDescriptorProto) -> list[Entry]:
    pool = descriptor_pool.DescriptorPool()
    for each in image.file:
        pool.Add(each)
    # Use the image's own extension, because generated modules may be older.
    options = message_factory.GetMessageClass(pool.FindMessageTypeByName(EnumValueOptions.DESCRIPTOR.full_name))
    extension: Any = pool.FindExtensionByName("locution.reasons.v1.reason")
    fields = extension.message_type.fields_by_name
    found = []
    for value, (name, comment) in zip(file.enum_type[0].value, _comments(file).items(), strict=True):
        read_options: Any = options.FromString(value.options.SerializeToString())
        stated = read_options.Extensions[extension]
        meaning, _, example = comment.partition(" Example: ")
        code, retry = (fields[at].enum_type.values_by_number[getattr(stated, at)].name for at in ("code", "retry"))
        entry = Entry(
            name,
            code,
            PREFIXES.sub("", retry).replace("UNSPECIFIED", "NO"),
            stated.message or absent(name),
            stated.advice,
            meaning,
            example,
        )
        if value.number and not (stated.code and meaning and example):
            raise IncompleteError(f"{value.name} lacks its code, its meaning or its example")
        found.append(entry)
    return found[1:]


def absent(name: str) -> str:
    """Return the default message of a reason that ends in NOT_FOUND, or "" for another one."""
    what, found, _ = name.partition("_NOT_FOUND")
    return f"there is no such {what.lower().replace('_', ' ').replace('api', 'API')}" if found else ""


def _comments(file: FileDescriptorProto) -> dict[str, str]:
    """Return the comment of each value of the file's first enum, on one line."""
    comments = {tuple(at.path): " ".join(at.leading_comments.split()) for at in file.source_code_info.location}
    names = (PREFIXES.sub("", value.name) for value in file.enum_type[0].value)
    return {name: comments.get((5, 0, 2, index), "") for index, name in enumerate(names)}


def module(catalogue: Catalogue) -> str:
    """Return the source of locution/reasons/v1/catalogue.py."""
    return MODULE.format(
        source=CATALOGUE,
        codes="".join(f'    {code} = "{code}", {status}\n' for code, status in catalogue.statuses.items()),
        retries="".join(f'    {name} = "{name}"\n{_docstring(meaning)}' for name, meaning in catalogue.retries.items()),
        reasons="".join(map(_member, catalogue.entries)),
    )


def _member(entry: Entry) -> str:
    values = [f'"{entry.name}"', f"Code.{entry.code}", f"Retry.{entry.retry}"]
    values += [json.dumps(text, ensure_ascii=False) for text in (entry.message, entry.advice)]
    lines = "".join(f"        {value},\n" for value in values)
    return f"    {entry.name} = (\n{lines}    )\n{_docstring(entry.meaning)}"


def _docstring(text: str) -> str:
    wrapped = textwrap.fill(text, width=110, subsequent_indent="    ")
    return f'    """{wrapped}"""\n'


def page(catalogue: Catalogue) -> str:
    """Return the reference page."""
    rows = [
        f"| `{entry.name}` | {entry.code} | {catalogue.statuses[entry.code]} | {entry.retry} "
        f"| {entry.meaning} Example: {entry.example} | {_clause(entry.advice)} |\n"
        for entry in catalogue.entries
    ]
    retries = [f"- **{name}**: {meaning}\n" for name, meaning in catalogue.retries.items()]
    return PAGE.format(source=CATALOGUE, retries="".join(retries), reasons="".join(rows))


def _clause(advice: str) -> str:
    return advice and f"{advice[0].upper()}{advice[1:]}."
