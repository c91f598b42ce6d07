"""Find the commands of a page of documentation: shell lines of fenced and of indented code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SHELLS = ("sh", "shell", "bash", "console")

PROGRAMS = frozenset(
    {"make", "locution", ".venv/bin/locution", "grpcurl", "buf", "protoc", "call", "arecord", "ffmpeg", ".", "source"}
    | {"export", "mkdir", "cd", "git", "curl", "openssl", "docker", "helm", "kubectl", "pip", "uv", "npm", "go"}
    | {"python", "python3", ".venv/bin/python"}
)
"""First words by which a line of code that names no language is known as a command."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of code, with the language that its fence names; None for indented code."""

    number: int
    text: str
    language: str | None


@dataclass(frozen=True, slots=True)
class Command:
    """A command as a reader would type it: continuation lines joined, the comment behind it dropped."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        """Return it with the place where it stands."""
        return f"{self.page}:{self.line}: {self.text}"


def commands(page: str, markdown: str) -> list[Command]:
    """Return the commands of a page, in order."""
    found, pending = [], ""
    begun = 0
    for line in code(markdown):
        text = line.text.strip().removeprefix("$ ")
        if not pending:
            if not is_command(text, line.language):
                continue
            begun = line.number
        pending = f"{pending} {text}".strip()
        if pending.endswith("\\"):
            pending = pending[:-1]
        elif pending.count("'") % 2 == 0:
            found.append(Command(page, begun, without_comment(pending)))
            pending = ""
    return found


def code(markdown: str) -> Iterator[Line]:
    """Yield the lines of all code blocks."""
    fence: str | None = None
    before, indented = "", False
    for number, text in enumerate(markdown.splitlines(), 1):
        if text.lstrip().startswith("```"):
            fence = text.strip().removeprefix("```") if fence is None else None
        elif fence is not None:
            yield Line(number, text, fence)
        else:
            indented = text.startswith("    ") and (indented or not before.strip())
            if indented:
                yield Line(number, text, None)
        before = text


def prose(markdown: str) -> list[str]:
    """Return the lines outside of code blocks."""
    inside = {line.number for line in code(markdown)}
    lines = enumerate(markdown.splitlines(), 1)
    return [text for number, text in lines if number not in inside and not text.lstrip().startswith("```")]


def is_command(text: str, language: str | None) -> bool:
    """Say whether a line of code is one that a shell takes."""
    if not text or text.startswith("#"):
        return False
    if language in SHELLS:
        return True
    words = [word for word in text.split() if not re.match(r"[A-Z_]+=", word)]
    return not language and bool(words) and (words[0] in PROGRAMS or re.match(r"\w+\(\) \{", text) is not None)


def without_comment(text: str) -> str:
    """Drop a comment that stands behind a command, and the space around both."""
    return re.sub(r"\s+#\s.*$", "", " ".join(text.split())).strip()
