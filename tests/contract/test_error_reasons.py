"""The catalogue of errors is whole: each reason is described, its enum says what its options say, and code gives it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.rpc import code_pb2
from locution.reasons.v1 import error_reason_options_pb2 as options
from locution.reasons.v1 import error_reason_pb2
from locution.reasons.v1.catalogue import Code, Reason, Retry

PREFIX = "ERROR_REASON_"
SERVICES = Path(__file__).resolve().parents[2] / "services"
CATALOGUE = ("locution_common.errors", "errors", "locution.reasons.v1.catalogue")
GIVES = 2
"""Positional arguments of Refused without which the reason's own message is sent."""


@dataclass(frozen=True)
class Module:
    """A module of a service that speaks of the catalogue's reasons."""

    path: Path
    tree: ast.Module

    def reasons(self) -> Iterator[tuple[ast.Attribute, ast.AST]]:
        """Return every `Reason.X` with the node that it stands in."""
        for parent in ast.walk(self.tree):
            for node in ast.iter_child_nodes(parent):
                match node:
                    case ast.Attribute(value=ast.Name(id="Reason")):
                        yield node, parent

    def made(self) -> set[str]:
        """Return the names that are called or raised."""
        names: set[str] = set()
        for node in ast.walk(self.tree):
            match node:
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) | ast.Raise(exc=ast.Name(id=name)):
                    names.add(name)
        return names

    def owner(self, node: ast.AST) -> str | None:
        """Return the class of errors whose constructor holds a node."""
        for parent in ast.walk(self.tree):
            if isinstance(parent, ast.ClassDef) and any(child is node for child in ast.walk(parent)):
                for method in parent.body:
                    if getattr(method, "name", "") == "__init__" and any(child is node for child in ast.walk(method)):
                        return parent.name
        return None


def _modules() -> list[Module]:
    """Return the modules that import Reason from the catalogue; asr has another enum of the name."""
    found = []
    for path in sorted(SERVICES.glob("*/src/**/*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module in CATALOGUE)
        if any(name.name == "Reason" for node in imports for name in node.names):
            found.append(Module(path, tree))
    return found


MODULES = _modules()


def _given(modules: Iterable[Module], made: set[str]) -> set[str]:
    """Return the reasons that code gives: handed to a call or returned, not compared, matched or collected.

    The constructor of an error class counts once the class itself is among the names that are `made` somewhere.
    """
    return {
        node.attr
        for module in modules
        for node, parent in module.reasons()
        if isinstance(parent, ast.Call | ast.Return) and ((owner := module.owner(node)) is None or owner in made)
    }


@pytest.mark.parametrize(
    ("source", "given"),
    [
        ("raise Refused(Reason.ONE)", {"ONE"}),
        ("failure = Failure(Reason.ONE, 'why')", {"ONE"}),
        ("def why():\n    return Reason.ONE", {"ONE"}),
        ("if error.reason is Reason.ONE:\n    raise", set()),
        ("KNOWN = frozenset({Reason.ONE})", set()),
        ("class E(Refused):\n    def __init__(self):\n        super().__init__(Reason.ONE)", set()),
        ("class E(Refused):\n    def __init__(self):\n        super().__init__(Reason.ONE)\nraise E", {"ONE"}),
    ],
)
def test_a_reason_is_found_by_its_use(source: str, given: set[str]) -> None:
    module = Module(Path("none.py"), ast.parse(source))
    assert _given([module], module.made()) == given


def test_every_reason_is_given_by_code() -> None:
    every = [Module(path, ast.parse(path.read_text(encoding="utf-8"))) for path in SERVICES.glob("*/src/**/*.py")]
    unused = sorted(set(Reason.__members__) - _given(MODULES, set().union(*(module.made() for module in every))))
    assert unused == [], f"remove them from the catalogue and reserve number and name: {', '.join(unused)}"


def test_every_reason_that_is_sent_without_a_message_has_its_own() -> None:
    silent = {
        node.attr
        for module in MODULES
        for node, parent in module.reasons()
        if isinstance(parent, ast.Call) and ast.unparse(parent.func) == "Refused" and len(parent.args) < GIVES
    }
    assert silent
    assert sorted(name for name in silent if not Reason[name].message) == []


def test_the_enum_says_what_the_options_say() -> None:
    values = error_reason_pb2.ErrorReason.DESCRIPTOR.values[1:]
    assert [value.name.removeprefix(PREFIX) for value in values] == list(Reason.__members__)
    for value in values:
        stated, reason = value.GetOptions().Extensions[options.reason], Reason[value.name.removeprefix(PREFIX)]
        retry = options.Retry.Name(stated.retry or options.RETRY_NO)
        assert (reason.code, f"RETRY_{reason.retry}") == (code_pb2.Code.Name(stated.code), retry)
        assert reason.advice == stated.advice
        assert reason.message == (stated.message or _absent(reason))


def _absent(reason: Reason) -> str:
    what, found, _ = reason.partition("_NOT_FOUND")
    return f"there is no such {what.lower().replace('_', ' ').replace('api', 'API')}" if found else ""


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_states_its_code_and_its_retry(reason: Reason) -> None:
    assert isinstance(reason.code, Code)
    assert isinstance(reason.retry, Retry)
    assert reason is Reason(reason.value) is Reason[reason.name]
    assert 400 <= reason.http_status < 600
    assert reason.retry is not Retry.LATER or reason.code in (Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED)
    assert (reason.message + reason.advice).strip(".") == reason.message + reason.advice


def test_http_statuses_are_googles() -> None:
    assert set(Code.__members__) == set(code_pb2.Code.keys()) - {"OK"}
    assert (Code.NOT_FOUND.http_status, Code.RESOURCE_EXHAUSTED.http_status, Code.UNAVAILABLE.http_status) == (
        *(404, 429),
        503,
    )


def test_every_reason_has_a_meaning_and_an_example_and_no_second_copy_of_its_options(
    documented: Iterable[FileDescriptorProto],
) -> None:
    file = next(file for file in documented if file.name == "locution/reasons/v1/error_reason.proto")
    comments = {tuple(at.path): " ".join(at.leading_comments.split()) for at in file.source_code_info.location}
    for index, value in enumerate(file.enum_type[0].value):
        meaning, _, example = comments[5, 0, 2, index].partition(" Example: ")
        assert meaning.endswith(".")
        assert value.number == 0 or example.endswith(".")
        assert "Code:" not in meaning
        assert "Retry:" not in meaning


def test_the_enum_needs_the_standard_library_alone() -> None:
    script = "import sys; import locution_common.errors; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "locution.reasons.v1.catalogue" in loaded
    assert [name for name in loaded if name.startswith(("google.protobuf", "grpc")) or "_pb2" in name] == []
