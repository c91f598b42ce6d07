"""The one table that a bench prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ("what", "at least", "measured", "Locution", "baseline", "remarks")


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what is judged, the aim, the figure that is judged, and both sides' absolute figures."""

    what: str
    aim: str
    measured: str
    ours: str = ""
    baseline: str = ""
    remarks: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """Return the cells in the order of HEAD."""
        return (self.what, self.aim, self.measured, self.ours, self.baseline, self.remarks)


def markdown(rows: Sequence[Row], head: Sequence[str] = HEAD) -> str:
    """Return a Markdown table, its columns aligned."""
    return lines([head, *(row.cells for row in rows)])


def lines(cells: Sequence[Sequence[str]]) -> str:
    """Return cells as a Markdown table; the first line is its head."""
    safe = [[cell.replace("|", "\\|") for cell in line] for line in cells]
    widths = [max(len(line[column]) for line in safe) for column in range(len(safe[0]))]
    texts = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in safe
    ]
    texts.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(texts)
