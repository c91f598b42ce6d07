"""Errors of the local stack, with messages for people."""

from __future__ import annotations


class StackError(Exception):
    """A failure and what to do about it."""


class RoleFailed(StackError):
    """A process that did not start, with the reason and the path of its log."""

    def __init__(self, name: str, why: str, *, log: str, tail: str) -> None:
        super().__init__(f"{name} is not up: {why}\n{_indented(tail)}\nlog: {log}")
        self.name = name


def _indented(text: str) -> str:
    return "\n".join(f"  | {line}" for line in text.splitlines()) or "  | (the log is empty)"
