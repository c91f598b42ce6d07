"""The named points that there are, listed from the source, whether or not anything ever passes them.

A public method of the Postgres adapters that begins a transaction, itself or by a private method of its class, has a
point before and after its commit; each write to the object store one before and after; each answer of the servicers of
uploads and jobs one before and after its acknowledgement.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import locution_gateway

SOURCE: Final = Path(locution_gateway.__file__).parent
PUTS: Final = ("put", "create_multipart", "upload_part", "complete_multipart", "abort_multipart", "delete")
SERVICERS: Final = ("jobs", "uploads")
OPENERS: Final = frozenset({"transaction", "across_tenants"})
ADAPTERS: Final = {
    "api": (
        "PostgresUploads",
        "PostgresJobs",
        "PostgresUpkeep",
        "PostgresEvents",
        "PostgresTranscripts",
    ),
    "worker": ("PostgresStages", "PostgresSources", "PostgresOutbox"),
}
"""The adapters of uploads, jobs and stages; accounts, live sessions, tags and voices are not what is tested here."""


def family(role: str) -> str:
    """Return what a process is one of: all workers pass the same points."""
    return "worker" if role.startswith("worker") else role


@cache
def points(family: str) -> tuple[str, ...]:
    """Return the names of all points of the api, or of the workers."""
    commits = [f"{name}.commit" for name in _committing() if name.partition(".")[0] in ADAPTERS[family]]
    puts = [f"ObjectStore.{name}" for name in PUTS]
    answers = [f"{name}.acknowledge" for name in _answers()] if family == "api" else []
    return tuple(sorted(f"{name}.{side}" for name in (*commits, *puts, *answers) for side in ("before", "after")))


@cache
def _committing() -> tuple[str, ...]:
    return tuple(
        f"{node.name}.{method}"
        for path in sorted(SOURCE.rglob("*.py"))
        for node in _classes(path)
        for method in _openers(node)
    )


def _answers() -> Iterator[str]:
    """Yield the methods that answer once; a stream of answers acknowledges nothing."""
    for name in SERVICERS:
        for node in _classes(SOURCE / name / "servicer.py"):
            for method in _methods(node):
                streams = any(isinstance(each, ast.Yield) for each in ast.walk(method))
                if isinstance(method, ast.AsyncFunctionDef) and method.name[0].isupper() and not streams:
                    yield method.name


def _classes(path: Path) -> Sequence[ast.ClassDef]:
    return [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]


def _methods(node: ast.ClassDef) -> Sequence[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]


def _openers(node: ast.ClassDef) -> list[str]:
    """Return the public methods of a class that begin a transaction, also by its private methods."""
    calls = {method.name: _called(method) for method in _methods(node)}
    opening: set[str] = set()
    while more := {name for name, called in calls.items() if called & (OPENERS | _private(opening))} - opening:
        opening |= more
    return sorted(name for name in opening if not name.startswith("_"))


def _private(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("_")}


def _called(method: ast.AST) -> set[str]:
    return {
        node.func.attr
        for node in ast.walk(method)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
