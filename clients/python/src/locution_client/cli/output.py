"""Where transcripts go."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

ON_ONE_STREAM = ("txt", "json")
"""Formats whose files can be concatenated."""


class UsageError(Exception):
    """Say what is wrong with the command line."""


def existing(paths: Sequence[Path]) -> Sequence[Path]:
    """Return the paths if all of them are files. Raises UsageError otherwise."""
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise UsageError(f"no such file: {', '.join(missing)}")
    return paths


class Destination:
    """Decide where the transcript of each input goes, before any work starts."""

    def __init__(self, inputs: Sequence[Path], output: str | None, file_format: str) -> None:
        self._format = file_format
        self._several = len(inputs) > 1
        self._output = Path(output) if output else None
        if self._several and not output and file_format not in ON_ONE_STREAM:
            raise UsageError(f"several {file_format} transcripts need --output FOLDER")
        self._folder = self._chosen_folder(output)
        stems = [path.stem for path in inputs]
        self._ambiguous = {stem for stem in stems if stems.count(stem) > 1}

    def write(self, source: Path, data: bytes) -> None:
        """Write one transcript atomically."""
        path = self.path(source)
        if path is None:
            self._print(source, data)
            return
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_bytes(data)
        partial.replace(path)

    def path(self, source: Path) -> Path | None:
        """Return the file of an input's transcript, or None for standard output."""
        if self._folder is None:
            return self._output
        name = source.name if source.stem in self._ambiguous else source.stem
        return self._folder / f"{name}.{self._format}"

    def _chosen_folder(self, output: str | None) -> Path | None:
        if output is None or self._output is None:
            return None
        if not (self._several or output.endswith("/") or self._output.is_dir()):
            if not self._output.parent.is_dir():
                raise UsageError(f"{self._output.parent} is not a folder")
            return None
        if self._output.exists() and not self._output.is_dir():
            raise UsageError(f"{output} is a file. Several transcripts need a folder")
        self._output.mkdir(parents=True, exist_ok=True)
        return self._output

    def _print(self, source: Path, data: bytes) -> None:
        heading = f"== {source.name} ==\n" if self._several and self._format == "txt" else ""
        ending = b"" if not data or data.endswith(b"\n") else b"\n"
        sys.stdout.flush()
        sys.stdout.buffer.write(heading.encode() + data + ending)
        sys.stdout.buffer.flush()
