"""Links lead somewhere: relative ones and anchors of all tracked Markdown, and the paths that CONTRIBUTING names. No network."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.docs.commands import prose
from tests.e2e.conftest import ROOT

LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
QUOTED = re.compile(r"`([^`\s]*/[^`\s]*)`")
TREE = re.compile(r"^ {4}(\S+/.*?)(?: {2}|$)", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z]+:")


def tracked(pattern: str) -> list[str]:
    """Return the tracked files that a pattern of git names."""
    command = ["git", "ls-files", pattern]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)
    return listed.stdout.splitlines()


def anchors(markdown: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them: repeated ones get numbers."""
    seen: Counter[str] = Counter()
    found = set()
    for line in prose(markdown):
        if heading := re.match(r"#+ (.*)", line):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
            slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return found


def dead(page: Path, markdown: str) -> Iterator[str]:
    """Yield the links of a page that lead nowhere."""
    for link in LINK.findall("\n".join(prose(markdown))):
        if ELSEWHERE.match(link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        lost = not target.exists() or not target.is_relative_to(ROOT)
        if lost or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            yield link


def named(markdown: str) -> Iterator[str]:
    """Yield the paths of a page: in backquotes, and those that begin a line of an indented tree."""
    for each in QUOTED.findall(markdown) + TREE.findall(markdown):
        yield from re.sub(r"\{[^}]*\}", "*", each).split(", ")


def missing(markdown: str) -> Iterator[str]:
    """Yield the paths in our folders that no tracked file lies at; `...`, `*`, `{a,b}` and `<name>` stand for anything."""
    files = tracked("*")
    folders = {file.split("/")[0] for file in files}
    for path in named(markdown):
        pattern = re.sub(r"<\w+>|\.\.\.", "*", path.rstrip("/"))
        found = any(fnmatch(file, pattern) or fnmatch(file, f"{pattern}/*") for file in files)
        if path.split("/")[0] in folders and not found:
            yield path


def test_dead_links_and_paths_are_found() -> None:
    page = ROOT / "README.md"
    links = "[a](#a-b) [b](#b) [c](docs/none.md) [d](docs) [e](https://x.example) [g](docs/api.md#none)"
    assert anchors("# A, b!\n## `x` y\n## X y\n```\n# no\n```") == {"a-b", "x-y", "x-y-1"}
    assert list(dead(page, f"# A, b!\n{links}\n\n    [f](none)\n")) == [
        "#a-b",
        "#b",
        "docs/none.md",
        "docs/api.md#none",
    ]
    tree = "    docs/none, docs/api.md    text\n    services/{asr,none}/src/\n        <name>/\n"
    quoted = "`docs/` `docs/none/` `tests/unit/<service>/` `services/.../jobs/` `services/.../none/` `a/b`"
    assert list(missing(quoted + "\n\n" + tree)) == ["docs/none/", "services/.../none/", "docs/none"]


@pytest.mark.parametrize("name", tracked("*.md"))
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    assert list(dead(page, page.read_text(encoding="utf-8"))) == []


def test_contributing_names_what_exists() -> None:
    assert list(missing((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))) == []
