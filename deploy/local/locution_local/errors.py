"""What can go wrong while the local stack is run, told to a person."""

from __future__ import annotations


class StackError(Exception):
    """Say in one message what failed and what to do about it."""


class RoleFailed(StackError):
    """Say which process did not come up, why, and where its log lies."""

    def __init__(self, name: str, why: str, *, log: str, tail: str) -> None:
        super().__init__(f"{name} is not up: {why}\n{_indented(tail)}\nlog: {log}")
        self.name = name


def _indented(text: str) -> str:
    return "\n".join(f"  | {line}" for line in text.splitlines()) or "  | (the log is empty)"
