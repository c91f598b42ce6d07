"""Where transcripts go."""

from __future__ import annotations

import os
import shlex
import sys
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from locution_client.labels import label
from locution_client.sources import STDIN
from locution_client.transcripts import SUBTITLES

ON_ONE_STREAM = ("txt", "json")
"""Formats whose files can be concatenated."""

LONGEST_NAME = 255
"""Bytes of a file's name."""


class UsageError(Exception):
    """Say what is wrong with the command line."""


def existing(paths: Sequence[Path]) -> Sequence[Path]:
    """Return the paths if all of them can be read as files or pipes. Raises UsageError otherwise."""
    missing = [str(path) for path in paths if path.is_dir() or not path.exists()]
    if missing:
        raise UsageError(f"no such file: {', '.join(missing)}")
    if list(paths).count(STDIN) > 1:
        raise UsageError("standard input can be read only once")
    return paths


class Destination:
    """Decide where the transcripts of each input go, and check it before any work starts. Raises UsageError."""

    def __init__(
        self, inputs: Sequence[Path], output: str | None, formats: Sequence[str], *, force: bool = False
    ) -> None:
        self._inputs = inputs
        self._formats = formats
        self._force = force
        self._ended: dict[int, bytes | None] = {}
        self._printed = 0
        if not output and len(formats) > 1:
            raise UsageError(f"several formats need --output FOLDER: {', '.join(formats)}")
        if not output and len(inputs) > 1 and formats[0] not in ON_ONE_STREAM:
            raise UsageError(f"several {formats[0]} transcripts need --output FOLDER")
        self._files = self._chosen(output) if output else None
        for path in self._paths():
            self._check(path)
        for path in self._paths():
            if not _special(path):
                make_folder(path.parent)

    def ended(self, number: int, transcripts: Mapping[str, bytes] | None) -> None:
        """Take the transcript of an input in each format, None if there is none. Raises OSError.

        Files are written now. Standard output gets the transcripts in the order of the inputs.
        """
        if self._files is not None:
            for each, transcript in (transcripts or {}).items():
                write(self._files[each][number], transcript, force=self._force)
            return
        self._ended[number] = None if transcripts is None else transcripts[self._formats[0]]
        while self._printed in self._ended:
            self._print(self._printed)
            self._printed += 1

    def interrupted(self) -> None:
        """Print the transcripts that waited for those of earlier inputs."""
        for number in sorted(self._ended):
            self._print(number)

    def command(self, number: int, job: str, subtitles: str = "") -> str:
        """Return the command that waits for a job and fetches the transcript to the same place, in each format."""
        fetch = f"locution jobs watch {job}"
        if self._files is None:
            return f"{fetch} --format {self._formats[0]}{subtitles}"
        force = " --force" if self._force else ""
        return " && ".join(
            f"{fetch} --format {each} --output {quoted(files[number])}{force}{subtitles if each in SUBTITLES else ''}"
            for each, files in self._files.items()
        )

    def spare(self, paths: Sequence[Path]) -> None:
        """Refuse to overwrite these files, even with --force. Raises UsageError."""
        for target in self._paths():
            if target.is_file() and any(target.samefile(path) for path in paths):
                raise UsageError(f"{target} is the recording itself. Use another --output")

    def _paths(self) -> Iterator[Path]:
        return chain.from_iterable((self._files or {}).values())

    def _chosen(self, output: str) -> dict[str, list[Path]]:
        """Return the files of all inputs by format."""
        path, several = Path(output), len(self._inputs) > 1 or len(self._formats) > 1
        if not (several or output.endswith("/") or path.is_dir()):
            if not path.parent.is_dir():
                raise UsageError(f"{path.parent} is not a folder")
            return {self._formats[0]: [path]}
        if path.exists() and not path.is_dir():
            raise UsageError(f"{output} is a file. Several transcripts need a folder")
        files = {each: [path / name for name in names(self._inputs, each)] for each in self._formats}
        first: dict[Path, Path] = {}
        for source, file in zip([*self._inputs] * len(files), chain.from_iterable(files.values()), strict=True):
            if file in first:
                raise UsageError(f"{first[file]} and {source} would both be written to {file}. Use two commands")
            first[file] = source
        return files

    def _check(self, path: Path) -> None:
        if path.is_dir():
            raise UsageError(f"{path} is a folder")
        if path.is_file() and not self._force:
            raise UsageError(f"{path} exists. Use --force to overwrite it")

    def _print(self, number: int) -> None:
        data = self._ended.pop(number)
        if data is None:
            return
        several = len(self._inputs) > 1 and self._formats[0] == "txt"
        heading = f"== {label(self._inputs[number].name)} ==\n" if several else ""
        ending = b"" if not data or data.endswith(b"\n") else b"\n"
        sys.stdout.flush()
        sys.stdout.buffer.write(heading.encode() + data + ending)
        sys.stdout.buffer.flush()


def names(inputs: Sequence[Path], suffix: str) -> list[Path]:
    """Return the file of each transcript below one folder.

    Files keep their folders below their common parent, and their endings where they differ in nothing else. Pipes have
    no folder, and a single input needs none.
    """
    folders = [_folder(path) for path in inputs] if len(inputs) > 1 else [""]
    common = os.path.commonpath([folder for folder in folders if folder] or [os.curdir])
    places = [Path(os.path.relpath(folder, common) if folder else os.curdir) for folder in folders]
    count = Counter(place / path.stem for place, path in zip(places, inputs, strict=True))
    return [
        place / _short(path.name if count[place / path.stem] > 1 else path.stem, f".{suffix}")
        for place, path in zip(places, inputs, strict=True)
    ]


def write(path: Path, data: bytes, *, force: bool) -> None:
    """Write a file atomically. Raises FileExistsError if it exists, unless forced, and other OSErrors."""
    if _special(path):
        path.write_bytes(data)
        return
    if not force:
        path.touch(exist_ok=False)
    partial = path.with_name(f".locution-{uuid.uuid4().hex}")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        if not force:
            path.unlink(missing_ok=True)
        raise


def make_folder(path: Path) -> None:
    """Make a folder to write to. Raises UsageError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if not os.access(path, os.W_OK):
        raise UsageError(f"{path} cannot be written to")


def quoted(path: Path) -> str:
    """Return a path as an argument in bash."""
    text = str(path)
    if text.isprintable():
        return shlex.quote(text)
    plain = (chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\x{byte:02x}" for byte in os.fsencode(path))
    return f"$'{''.join(plain)}'"


def _special(path: Path) -> bool:
    """Tell whether a path is a pipe or a device, which is written to and never replaced."""
    return path.exists() and not path.is_file()


def _folder(path: Path) -> str:
    """Return the folder of a file; "" for a pipe."""
    return os.path.normpath(path.absolute().parent) if path.is_file() and path != STDIN else ""


def _short(name: str, ending: str) -> str:
    while len(os.fsencode(name + ending)) > LONGEST_NAME:
        name = name[:-1]
    return name + ending
