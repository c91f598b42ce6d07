"""The catalogue of errors is whole: each reason is documented, and each is raised by a class of some service."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from locution_common.errors import Code, LocutionError

PREFIX = "ERROR_REASON_"
SERVICES = Path(__file__).resolve().parents[2] / "services"
SHAPE = re.compile(r"Code: (?P<code>[A-Z_]+)\. Retry: (?P<retry>.+?)\. Example: (?P<example>.+)\.$", re.DOTALL)


def _reasons(documented: Iterable[FileDescriptorProto]) -> dict[str, str]:
    """Return the comment of every reason by its name without prefix."""
    file = next(file for file in documented if file.name == "locution/v1/error_reason.proto")
    comments = {tuple(at.path): at.leading_comments for at in file.source_code_info.location}
    (enum,) = file.enum_type
    named = {value.name: comments.get((5, 0, 2, index), "") for index, value in enumerate(enum.value)}
    assert all(name.startswith(PREFIX) for name in named)
    return {name.removeprefix(PREFIX): " ".join(comment.split()) for name, comment in named.items()}


def _raised() -> dict[str, set[str]]:
    """Return the codes that error classes give each reason, read from the services' source.

    Reading instead of importing keeps every service's libraries out of this test, and finds the classes of services
    that are not installed here.
    """
    raised = {LocutionError.reason: {LocutionError.code.name}}
    for path in sorted(SERVICES.glob("*/src/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                for reason, code in _class_reason(node):
                    raised.setdefault(reason, set()).add(code)
    return raised


def _class_reason(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    values = dict(_assignments(node))
    reason, code = values.get("reason"), values.get("code")
    if isinstance(reason, ast.Constant) and isinstance(reason.value, str):
        yield reason.value, code.attr if isinstance(code, ast.Attribute) else "inherited"


def _assignments(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Subscript(), value=ast.expr() as value):
                yield name, value  # reason: ClassVar[str] = ...; a dataclass's reason: str is another thing


def test_every_reason_says_its_code_its_retry_and_an_example(documented: Iterable[FileDescriptorProto]) -> None:
    unclear = []
    for reason, comment in _reasons(documented).items():
        match = SHAPE.search(comment)
        if match is None or match["code"] not in Code.__members__:
            unclear.append(f"{reason}: {comment}")
    assert unclear == []


def test_every_reason_is_raised_by_a_class(documented: Iterable[FileDescriptorProto]) -> None:
    raised = _raised()
    missing = sorted(_reasons(documented).keys() - raised.keys() - {"UNSPECIFIED"})
    assert missing == [], f"{len(missing)} reasons have no class: {', '.join(missing)}"


def test_every_class_names_a_reason_of_the_catalogue(documented: Iterable[FileDescriptorProto]) -> None:
    assert sorted(_raised().keys() - _reasons(documented).keys()) == []


def test_every_class_has_the_code_that_the_catalogue_states(documented: Iterable[FileDescriptorProto]) -> None:
    raised, wrong = _raised(), []
    for reason, comment in _reasons(documented).items():
        match = SHAPE.search(comment)
        codes = raised.get(reason, set()) - {"inherited"}
        if match and codes - {match["code"]}:
            wrong.append(f"{reason} is {match['code']} in the catalogue and {', '.join(sorted(codes))} in code")
    assert wrong == []
