"""The chart's handbook: the lines that it cites are there, and it names every values file."""

from __future__ import annotations

import re
from pathlib import Path

import cited
import pytest
import render_chart as render

from tests.chart.test_notes import EVALUATION, commands, notes

PAGE = cited.PAGE.read_text(encoding="utf-8")


def test_cited_lines_are_current() -> None:
    assert cited.current(PAGE, cited.PAGE.parent) == PAGE, "run `python deploy/helm/cited.py`"
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and cited.CITATION.search(line)]
    assert len(rows) >= 20
    assert all(line.count("|") == 8 for line in rows), "a cell for each chart"


def test_a_citation_follows_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.tpl").write_text('one\ntwo: "here"\n', encoding="utf-8")
    assert cited.current(r'[a.tpl:9](a.tpl#L9 "two: \"here\"")', tmp_path) == r'[a.tpl:2](a.tpl#L2 "two: \"here\"")'
    with pytest.raises(cited.NotThere, match="no line with 'three'"):
        cited.current('[a.tpl:9](a.tpl#L9 "three")', tmp_path)


def test_the_command_of_the_checks_waits_as_long_as_they_may_take() -> None:
    (command,) = [each for each in commands(notes(EVALUATION)) if each.startswith("helm test ")]
    assert f"\n    {command.replace('speech', render.NAMESPACE)}\n" in PAGE


def test_every_values_file_is_named() -> None:
    named = set(re.findall(r"^\| `(values-[a-z-]+\.yaml)` \|", PAGE, re.MULTILINE))
    assert named == {path.name for path in render.CHART.glob("values-*.yaml")}
