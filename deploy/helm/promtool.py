"""Build promtool, which the tests of the chart's alerts use: `python deploy/helm/promtool.py`.

It needs Go and a module proxy, and takes some minutes. The source is a pinned version of Prometheus, checked against a
pinned digest. It is kept under `tools/` of the state folder and used from there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from helm_tools import ToolsError, state_folder

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
    path().parent.mkdir(parents=True, exist_ok=True)
    given = {**os.environ, "GOBIN": str(path().parent), "GOFLAGS": "-mod=mod"}
    command = ["go", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=path().parent,
            env=given,
            check=True,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
        )
    except FileNotFoundError as error:
        raise ToolsError("go is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ToolsError(f"go took longer than {BUILD_SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        raise ToolsError(f"go failed: {error.stderr.strip()[-500:]}") from error
    return done.stdout


if __name__ == "__main__":
    sys.stdout.write(f"{install()}\n")
