"""Build promtool, which the tests of the chart's alerts use: `python deploy/helm/promtool.py`.

It needs Go and a module proxy, and takes some minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from go_tools import GoModule, GoTool

PROMETHEUS: Final = GoModule(
    "github.com/prometheus/prometheus", "v0.316.0", "h1:f1GRFerhTMKQma+awCoC9T820ecWeGSdF+xAlMHzZzM="
)
# Without the clients of clouds, in which Prometheus would look for what to scrape.
TOOL: Final = GoTool("promtool", PROMETHEUS, tags="remove_all_sd")


def path() -> Path:
    """Return where promtool is, or would be."""
    return TOOL.path


def install() -> Path:
    """Return the path of promtool, building it if it is missing. Raises ToolsError."""
    return TOOL.install()


if __name__ == "__main__":
    sys.stdout.write(f"{install()}\n")
