"""Models and their rules. Pure: every change is a method that returns the changed model."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, NewType

from locution_common.errors import FieldViolation, Reason, Refused
from locution_speech.capabilities import Capabilities

from .errors import ModelPathInvalid

Actor = NewType("Actor", str)
Replica = NewType("Replica", str)

REGISTRY = Actor("registry")
"""The actor of changes by the registry itself, which found files missing, changed or restored."""

MAX_WORD_ERROR_RATE_LOSS = 0.005
"""Largest increase of the word error rate by which fast mode still passes."""

MIN_ENCODER_INPUT = 10.0
"""The min_encoder_input of a qualification that does not state it, in seconds."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


class Kind(StrEnum):
    """The kind of a model."""

    ASR = "asr"
    DIARIZATION = "diarization"


class State(StrEnum):
    """The state of a model."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    INVALID = "invalid"


class Action(StrEnum):
    """The name of a change in the audit log."""

    REGISTER = "register"
    REPLACE = "replace"
    ENABLE = "enable"
    DISABLE = "disable"
    INVALIDATE = "invalidate"
    SET_DEFAULT = "set_default"
    CLEAR_DEFAULT = "clear_default"
    RECORD_QUALIFICATION = "record_qualification"


@dataclass(frozen=True, slots=True, order=True)
class ModelPath:
    """The name of a model and of its folder below the models root: `<set>/<model>`. Ordered by set, then model."""

    set: str
    model: str

    @classmethod
    def parse(cls, text: str) -> ModelPath:
        """Parse a path. Raises ModelPathInvalid unless it is one plain folder in another."""
        parts = text.split("/")
        if len(parts) != 2 or not all(_NAME.fullmatch(part) for part in parts):
            raise ModelPathInvalid(
                f"{text!r} is not <set>/<model>: two names of at most 64 letters, digits, '.', '_' and '-', "
                "beginning with a letter, a digit or '_'"
            )
        return cls(*parts)

    def __str__(self) -> str:
        return f"{self.set}/{self.model}"


class Stamp(NamedTuple):
    """A cheap fingerprint of a file: its size in bytes and its modification time in nanoseconds since 1970."""

    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True, order=True)
class ModelFile:
    """A file of a model; `path` is relative to the model's folder, with "/"; `sha256` has 64 hexadecimal digits."""

    path: str
    size_bytes: int
    sha256: str
    modified_ns: int

    @property
    def stamp(self) -> Stamp:
        """Return what a cheap check compares."""
        return Stamp(self.size_bytes, self.modified_ns)


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a folder."""

    kind: Kind
    provider: str
    name: str
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class Inspection:
    """A model folder: its layout and its files, ordered by path."""

    layout: Layout
    files: tuple[ModelFile, ...]


@dataclass(frozen=True, slots=True)
class Qualification:
    """The comparison of a model's fast mode with its accurate mode; word error rates from 0.

    `destroyed` counts the recordings whose text fast mode destroys. `min_encoder_input` is the shortest audio, in
    seconds, that fast mode padded a window to for the encoder.
    """

    passed: bool
    accurate_word_error_rate: float
    fast_word_error_rate: float
    word_count: int
    destroyed: int
    run_time: datetime
    min_encoder_input: float = MIN_ENCODER_INPUT

    @classmethod
    def judge(
        cls,
        accurate: float,
        fast: float,
        word_count: int,
        destroyed: int,
        run_time: datetime,
        min_encoder_input: float = MIN_ENCODER_INPUT,
    ) -> Qualification:
        """Judge two word error rates and the recordings that are destroyed.

        Refuses rates that are not finite with INVALID_REQUEST.

        The loss is rounded to six places, because the rates travel as 32-bit floats with an error of about 1e-8.
        """
        if not (math.isfinite(accurate) and math.isfinite(fast)):
            raise Refused(
                Reason.INVALID_REQUEST,
                "a word error rate must be a finite number",
                violations=[FieldViolation("fast_word_error_rate", "not finite, or the accurate one is not")],
            )
        passed = round(fast - accurate, 6) <= MAX_WORD_ERROR_RATE_LOSS and not destroyed
        return cls(passed, accurate, fast, word_count, destroyed, run_time, min_encoder_input)


@dataclass(frozen=True, slots=True)
class Model:
    """A registered model. `state_reason` says why it is not usable; the store sets the times, which are None before."""

    path: ModelPath
    layout: Layout
    files: tuple[ModelFile, ...]
    state: State = State.ENABLED
    state_reason: str | None = None
    is_default: bool = False
    qualification: Qualification | None = None
    serving_replicas: int = 0
    create_time: datetime | None = None
    update_time: datetime | None = None

    @property
    def kind(self) -> Kind:
        """Return its kind."""
        return self.layout.kind

    @property
    def usable(self) -> bool:
        """Tell whether jobs may use it."""
        return self.state is State.ENABLED

    @property
    def size_bytes(self) -> int:
        """Return the total size of its files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def checksum(self) -> str:
        """Return the checksum of its files."""
        return checksum(self.files)

    def why_not(self) -> str:
        """Return a sentence that says why it is not usable."""
        reason = f": {self.state_reason}" if self.state_reason else ""
        return f"{self.path} is {self.state}{reason}"

    def enabled(self, files: tuple[ModelFile, ...]) -> Model:
        """Return it enabled, with new stamps of its unchanged files."""
        return replace(self, state=State.ENABLED, state_reason=None, files=files)

    def disabled(self, reason: str) -> Model:
        """Return it disabled by an administrator."""
        return replace(self, state=State.DISABLED, state_reason=reason)

    def invalid(self, reason: str) -> Model:
        """Return it invalid, because its files differ from the registered ones."""
        return replace(self, state=State.INVALID, state_reason=reason)

    def default(self, wanted: bool) -> Model:
        """Return it with or without the default flag."""
        return replace(self, is_default=wanted)

    def judged(self, qualification: Qualification) -> Model:
        """Return it with its qualification."""
        return replace(self, qualification=qualification)


def checksum(files: Iterable[ModelFile]) -> str:
    """Return the SHA-256 of one line per file, `<sha256>  <path>` and a newline, ordered by path.

    This is the digest of the output of `sha256sum`; README.md has the command.
    """
    lines = [f"{file.sha256}  {file.path}\n" for file in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def difference(known: Iterable[ModelFile], found: Mapping[str, Stamp]) -> str | None:
    """Describe how the found files differ from the known ones by name, size or time, or return None."""
    stamps = {file.path: file.stamp for file in known}
    changes = [_change(path, stamps.get(path), found.get(path)) for path in sorted(stamps.keys() | found.keys())]
    return summary([change for change in changes if change])


def summary(changes: list[str]) -> str | None:
    """Name the first change and count the others; None without changes."""
    if not changes:
        return None
    return changes[0] if len(changes) == 1 else f"{changes[0]}, and {len(changes) - 1} more"


def _change(path: str, known: Stamp | None, found: Stamp | None) -> str | None:
    if known == found:
        return None
    if found is None:
        return f"{path} is missing"
    if known is None:
        return f"{path} was added"
    return f"{path} changed"
