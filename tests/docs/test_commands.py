"""Every command of the README and of docs/ is placed in commands.toml, and runs in a fresh clone unless it says why not."""

from __future__ import annotations

import pytest

from tests.docs.commands import commands
from tests.docs.conftest import Clone, entry
from tests.e2e.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOUND = {
    name: found
    for page in PAGES
    if (found := commands(name := str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")))
}

PAGE = """\
Text, then `make inline`:

    make up          # a comment
    locution live talk.wav | tee out \\
        --more
    call Jobs/Create '{"job": {
        "tags": ["#1"]}}'
    {"json": true}

- item

      make deep

not    make code
    make a lazy continuation of a paragraph

```sh
# a comment
LOCUTION_PORT=1 make down
anything --goes
```

```json
make no command
```
"""


def test_commands_are_found() -> None:
    assert [(each.line, each.text) for each in commands("p", PAGE)] == [
        (3, "make up"),
        (4, "locution live talk.wav | tee out --more"),
        (6, """call Jobs/Create '{"job": { "tags": ["#1"]}}'"""),
        (12, "make deep"),
        (19, "LOCUTION_PORT=1 make down"),
        (20, "anything --goes"),
    ]


def test_every_command_is_placed() -> None:
    assert sum(map(len, FOUND.values())) > 20
    assert [str(command) for found in FOUND.values() for command in found if entry(command) is None] == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", FOUND)
def test_every_command_works_in_a_fresh_clone(page: str, clone: Clone) -> None:
    wrong = [problem for command in FOUND[page] if (problem := clone.follow(command)) is not None]
    assert wrong == [], "\n\n".join(wrong)
