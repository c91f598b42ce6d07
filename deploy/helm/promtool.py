"""Build promtool, which the tests of the chart's alerts use: `python deploy/helm/promtool.py`.

It needs Go and a module proxy, and takes some minutes. The source is a pinned version of Prometheus, checked against a
pinned digest. It is kept under `tools/` of the state folder and used from there.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Final

from helm_tools import ToolsError, run, state_folder

MODULE: Final = "github.com/prometheus/prometheus"
VERSION: Final = "v0.316.0"
SUM: Final = "h1:f1GRFerhTMKQma+awCoC9T820ecWeGSdF+xAlMHzZzM="
BUILD_SECONDS: Final = 1800


def path() -> Path:
    """Return where promtool is, or would be."""
    return state_folder() / "tools" / f"promtool-{VERSION}" / "promtool"


def install() -> Path:
    """Return the path of promtool, building it if it is missing. Raises ToolsError."""
    if not path().exists():
        found = json.loads(_go("mod", "download", "-json", f"{MODULE}@{VERSION}"))["Sum"]
        if found != SUM:
            raise ToolsError(f"{MODULE} {VERSION} has the digest {found}, not {SUM}")
        # Without the clients of clouds, in which Prometheus would look for what to scrape.
        _go("install", "-tags", "remove_all_sd", f"{MODULE}/cmd/promtool@{VERSION}")
    return path()


def _go(*arguments: str) -> str:
    folder = path().parent
    folder.mkdir(parents=True, exist_ok=True)
    given = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-mod=mod"}
    return run(["go", *arguments], BUILD_SECONDS, cwd=folder, env=given)


if __name__ == "__main__":
    sys.stdout.write(f"{install()}\n")
