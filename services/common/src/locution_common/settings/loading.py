"""Read the environment at start: report all problems at once, and never a secret's value."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsError

from .base import PREFIX, Settings, is_secret, setting_name
from .strength import weak_secrets

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Problem:
    """A wrong setting and its fault."""

    setting: str
    fault: str
    field: FieldInfo | None

    def __str__(self) -> str:
        lines = [f"{self.setting}: {self.fault}"]
        if self.field is not None:
            lines += [
                f"    meaning: {self.field.description}",
                f"    example: {_example(self.setting, self.field)}",
            ]
            lines += [f"    do:      {_remedy(self.setting, self.field)}"]
        return "\n".join(lines)


class SettingsInvalid(Exception):
    """The environment is invalid; `problems` names every fault."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def read(cls: type[S]) -> S:
    """Build settings from the environment. Raises SettingsInvalid with every problem, never a secret's value."""
    problems = list(_secret_problems(cls, os.environ))
    try:
        settings = cls() if not problems else None
    except SettingsError as error:
        raise SettingsInvalid([Problem(PREFIX + "*", str(error), None)]) from None
    except ValidationError as error:
        problems += _validation_problems(cls, error)
    else:
        if settings is not None:
            problems += _weak(settings)
            if not problems:
                return settings
    raise SettingsInvalid(problems)


def load(cls: type[S], argv: Sequence[str] = (), *, program: str = "locution") -> S:
    """Return valid settings, or print every problem and exit with 2.

    `argv` (without the program's name) may hold `--help`, which prints every setting, or `--check-settings`, which only
    checks them; both exit with 0.
    """
    if set(argv) & {"--help", "-h"}:
        sys.stdout.write(describe(cls, program) + "\n")
        sys.exit(0)
    unknown = [argument for argument in argv if argument != "--check-settings"]
    if unknown:
        _fail(f"{program}: unknown arguments: {' '.join(unknown)}\nTry --help.")
    try:
        settings = read(cls)
    except SettingsInvalid as invalid:
        _fail(f"{program}: the settings are not valid\n\n{invalid}")
    if "--check-settings" in argv:
        sys.stdout.write(f"{program}: the settings are valid\n")
        sys.exit(0)
    return settings


def describe(cls: type[Settings], program: str) -> str:
    """Return the help text: every setting with meaning, unit, default and example."""
    head = f"usage: {program} [--help] [--check-settings]\n\nSettings, from the environment:\n"
    return "\n".join([head, *(_describe(name, field) for name, field in sorted(cls.model_fields.items()))])


def _describe(name: str, field: FieldInfo) -> str:
    setting = setting_name(name)
    file = f" (or {setting}_FILE)" if is_secret(field) else ""
    default = "required" if field.is_required() else f"default: {_shown(field.default)}"
    return f"  {setting}{file}\n      {field.description}\n      {default}; example: {_example(setting, field)}"


def _shown(default: object) -> str:
    return "unset" if default is None else str(default).lower() if isinstance(default, bool) else str(default)


def _example(setting: str, field: FieldInfo) -> str:
    return f"{setting}={field.examples[0]}" if field.examples else setting


def _remedy(setting: str, field: FieldInfo) -> str:
    either = f"{setting} or {setting}_FILE" if is_secret(field) else setting
    return f"set {either}" if field.is_required() else f"mend or unset {either}"


def _secret_problems(cls: type[Settings], environment: Mapping[str, str]) -> Iterator[Problem]:
    for name, field in cls.model_fields.items():
        setting = setting_name(name)
        path = environment.get(f"{setting}_FILE")
        if not path or not is_secret(field):
            continue
        if environment.get(setting):
            yield Problem(setting, f"is set, and so is {setting}_FILE; only one may be", field)
        elif fault := _file_fault(Path(path)):
            yield Problem(f"{setting}_FILE", fault, field)


def _file_fault(path: Path) -> str | None:
    try:
        return None if path.read_text(encoding="utf-8").strip() else f"{path} is empty"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        return f"{path} is not UTF-8 text"


def _weak(settings: Settings) -> Iterator[Problem]:
    for name, fault in weak_secrets(settings):
        yield Problem(setting_name(name), fault, type(settings).model_fields[name])


def _validation_problems(cls: type[Settings], error: ValidationError) -> Iterator[Problem]:
    for detail in error.errors(include_input=False, include_url=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        field = cls.model_fields.get(name)
        fault = "is required but not set" if detail["type"] == "missing" else detail["msg"]
        yield Problem(setting_name(name) if name else PREFIX + "*", fault, field)


def _fail(text: str) -> NoReturn:
    sys.stderr.write(text + "\n")
    sys.exit(2)
