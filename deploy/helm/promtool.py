"""Build promtool, which the tests of the chart's alerts use: `python deploy/helm/promtool.py`.

It needs Go and a module proxy, and takes some minutes.
"""

from __future__ import annotations

import argparse
import sys
from typing import Final

from go_tools import GoModule, GoTool

PROMETHEUS: Final = GoModule(
    "github.com/prometheus/prometheus", "v0.316.0", "h1:f1GRFerhTMKQma+awCoC9T820ecWeGSdF+xAlMHzZzM="
)
# Without the clients of clouds, in which Prometheus would look for what to scrape.
TOOL: Final = GoTool("promtool", PROMETHEUS, tags="remove_all_sd")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    sys.stdout.write(f"{TOOL.install()}\n")
