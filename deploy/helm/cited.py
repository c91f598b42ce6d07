"""Keep the lines that docs/kubernetes.md cites true: `python deploy/helm/cited.py`, or `--check` to compare them.

A citation is a link whose title stands in the cited line: `[file:12](path#L12 "text")`.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kubernetes.md"
CITATION = re.compile(r'\[(?P<name>[^\]:]+):\d+\]\((?P<path>[^\s)#]+)#L\d+ "(?P<text>(?:[^"\\]|\\.)*)"\)')


class NotThere(Exception):
    """A cited file has no such line; the message says which."""


def current(page: str, folder: Path) -> str:
    """Return a page with the lines at which the cited texts stand now. Raises NotThere."""
    return CITATION.sub(lambda found: _cited(found, folder), page)


def _cited(found: re.Match[str], folder: Path) -> str:
    path, text = found["path"], found["text"].replace('\\"', '"')
    lines = (folder / path).read_text(encoding="utf-8").splitlines()
    at = next((number for number, line in enumerate(lines, 1) if text in line), None)
    if at is None:
        raise NotThere(f"{path} has no line with {text!r}")
    return f'[{found["name"]}:{at}]({path}#L{at} "{found["text"]}")'


def main() -> int:
    """Rewrite the page, or say whether it is current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when the page is not current")
    check = parser.parse_args().check
    page = PAGE.read_text(encoding="utf-8")
    wanted = current(page, PAGE.parent)
    if check:
        return int(page != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
