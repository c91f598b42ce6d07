"""Build programs that the chart's tests use from pinned Go modules; they stay under `tools/` of the state folder."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from helm_tools import ToolsError, run, state_folder

BUILD_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class GoModule:
    """A version of a Go module, whose source has a known digest."""

    path: str
    version: str
    sum: str

    def download(self, folder: Path, seconds: float = BUILD_SECONDS) -> Path:
        """Return where Go keeps its source; `folder` is where Go runs. Raises ToolsError."""
        folder.mkdir(parents=True, exist_ok=True)
        found = json.loads(_go(folder, seconds, "mod", "download", "-json", f"{self.path}@{self.version}"))
        if found["Sum"] != self.sum:
            raise ToolsError(f"{self.path} {self.version} has the digest {found['Sum']}, not {self.sum}")
        return Path(found["Dir"])


@dataclass(frozen=True, slots=True)
class GoTool:
    """A program of a Go module."""

    name: str
    module: GoModule
    tags: str = ""

    @property
    def path(self) -> Path:
        """Return where it is, or would be."""
        return state_folder() / "tools" / f"{self.name}-{self.module.version}" / self.name

    def install(self) -> Path:
        """Return its path, building it if it is missing. Raises ToolsError."""
        if not self.path.exists():
            folder = self.path.parent
            self.module.download(folder)
            package = f"{self.module.path}/cmd/{self.name}@{self.module.version}"
            _go(folder, BUILD_SECONDS, "install", *(["-tags", self.tags] if self.tags else []), package)
        return self.path


def _go(folder: Path, seconds: float, *arguments: str) -> str:
    given = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-mod=mod"}
    return run(["go", *arguments], seconds, cwd=folder, env=given)
