"""Count what the house is made of, at one commit or two: `python -m tests.house [BEFORE] [AFTER]`.

Product lines are the lines of tracked files without tests, documentation, generated and rendered files and licences. The
sample rate is counted as every number 16000 in the product's Python, whoever writes it. `types` names the classes whose
name is a word's, by file: a word passes them on its way from the decoder to a subtitle.
"""

from __future__ import annotations

import argparse
import ast
import io
import subprocess
import tarfile
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

GENERATED = ("protos/gen/", "protos/buf/", "deploy/helm/rendered/", "docs/", "tests/", ".ci/")
NAMES = {"LICENSE", "NOTICE", "values.schema.json", "qualifications.json", "verdicts.json", "go.sum"}
SUFFIXES = {".md", ".lock"}
WORDS = {"Word", "LiveWord", "TimedWord", "AsrWord"}


@dataclass(frozen=True)
class House:
    """What one commit holds."""

    commit: str
    lines: int
    line_length: int
    rates: list[str]
    word_types: list[str]


def measure(commit: str) -> House:
    """Read a commit's files from git."""
    files = dict(product(commit))
    python = {path: text for path, text in files.items() if path.endswith(".py")}
    return House(
        commit,
        sum(text.count("\n") for text in files.values()),
        line_length(files["pyproject.toml"]),
        [f"{path}:{line}" for path, text in python.items() for line in rates(text)],
        [f"{path}:{name}" for path, text in python.items() for name in word_types(text)],
    )


def product(commit: str) -> Iterator[tuple[str, str]]:
    """Yield path and text of each product file."""
    archive = subprocess.run(["git", "archive", "--format=tar", commit], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if not member.isfile() or member.name.startswith(GENERATED):
                continue
            if path.name in NAMES or path.suffix in SUFFIXES:
                continue
            opened = tar.extractfile(member)
            if opened is not None:
                yield member.name, opened.read().decode("utf-8", "replace")


def line_length(pyproject: str) -> int:
    """Return the longest line that the formatter allows."""
    return next(int(line.split("=")[1]) for line in pyproject.splitlines() if line.startswith("line-length"))


def rates(text: str) -> Iterator[int]:
    """Yield the lines on which the number 16000 stands."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NUMBER and token.string.replace("_", "") in ("16000", "16000.0"):
            yield token.start[0]


def word_types(text: str) -> Iterator[str]:
    """Yield the classes that stand for a word."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and node.name in WORDS:
            yield node.name


def main() -> None:
    """Print one row for each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commits", nargs="*", default=["HEAD"], help="commits to count, the earlier one first")
    houses = [measure(commit) for commit in parser.parse_args().commits]
    print("commit          ", *(house.commit for house in houses), sep="\t")
    print("product lines   ", *(house.lines for house in houses), sep="\t")
    print("line length     ", *(house.line_length for house in houses), sep="\t")
    print("sample rates    ", *(len(house.rates) for house in houses), sep="\t")
    print("types of a word ", *(len(house.word_types) for house in houses), sep="\t")
    for house in houses:
        print(f"\n{house.commit}", *house.rates, *house.word_types, sep="\n  ")


if __name__ == "__main__":
    main()
