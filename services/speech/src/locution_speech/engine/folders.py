"""Find a model's folder below the models root, and check that its files are the registered ones."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from locution_common.errors import Reason, Refused

from .models import ModelRecord

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}/[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def folder_of(root: Path, record: ModelRecord) -> Path:
    """Return the model's folder. Raises ModelPathInvalid unless it is two levels below the root with links resolved."""
    real_root = root.resolve()
    folder = (real_root / record.name).resolve()
    expected = len(real_root.parts) + 2
    if not NAME.fullmatch(record.name) or not folder.is_relative_to(real_root) or len(folder.parts) != expected:
        raise Refused(Reason.MODEL_PATH_INVALID, f"{record.name} is not a folder of a set below the models root")
    return folder


def verify(folder: Path, record: ModelRecord) -> None:
    """Refuse with MODEL_CHECKSUM_MISMATCH unless every registered file is in the folder with its digest."""
    for file in record.files:
        path = (folder / file.path).resolve()
        if not path.is_relative_to(folder) or not path.is_file() or _digest(path) != file.sha256:
            raise Refused(
                Reason.MODEL_CHECKSUM_MISMATCH, f"{record.name}: {file.path} differs from the registered file"
            )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
