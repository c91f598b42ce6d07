"""The command `load`: copy models from the object store to the models root, each folder whole or not at all."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from locution_common import logs, settings
from locution_common.errors import Refused
from locution_common.objects import PART_SIZE, ObjectInfo, ObjectStore, open_store
from locution_common.settings import ObjectStoreSettings
from pydantic import Field

from .domain.errors import ModelPathInvalid
from .domain.models import ModelPath

LOADING: Final = ".loading"
"""Folder below the models root that holds a model while it is copied; its name is none of a set."""

_log = logging.getLogger("locution.registry.load")


class LoadSettings(ObjectStoreSettings):
    """Settings of `load`."""

    models_root: Path = Field(description="Folder that gets the models.", examples=["/models"])
    models_prefix: str = Field(
        "models/",
        description="Prefix of the models in the bucket: below it lies <set>/<model>/<file>.",
        examples=["models/"],
        pattern=r"^([^/]+/)*$",
    )


@dataclass(slots=True)
class Outcome:
    """The models that were copied, those that were there with the same files, and those that differ and were kept."""

    copied: list[ModelPath] = field(default_factory=list)
    present: list[ModelPath] = field(default_factory=list)
    differing: list[ModelPath] = field(default_factory=list)


class NoRoom(Exception):
    """The models root has not enough free space."""


def run_load(argv: Sequence[str]) -> int:
    """Copy all models, and return the exit code: 1 if something failed, or a model on the disk differs."""
    loaded = settings.load(LoadSettings, argv, program="locution_registry load")
    logs.configure("locution-registry-load", "INFO", loaded.secrets())
    try:
        outcome = asyncio.run(_load(loaded))
    except (Refused, OSError, NoRoom) as error:
        sys.stderr.write(f"locution_registry load: {error}\n")
        return 1
    return 1 if outcome.differing else 0


async def _load(loaded: LoadSettings) -> Outcome:
    async with open_store(loaded) as store:
        outcome = await load(store, loaded.models_prefix, loaded.models_root)
    if not (outcome.copied or outcome.present or outcome.differing):
        where = f"{loaded.s3_bucket}/{loaded.models_prefix}"
        _log.warning("there are no models under this prefix: put them there as <set>/<model>/", extra={"prefix": where})
    return outcome


async def load(store: ObjectStore, prefix: str, root: Path) -> Outcome:
    """Copy every model below `prefix` that is not below `root`; nothing on the disk is overwritten or deleted.

    Raises NoRoom before anything is copied, OSError for a folder that cannot be written, Refused for the store.
    """
    outcome = Outcome()
    missing: dict[ModelPath, dict[PurePosixPath, ObjectInfo]] = {}
    for path, files in (await _models(store, prefix)).items():
        folder = root / path.set / path.model
        if not folder.exists():
            missing[path] = files
        elif _sizes(folder) == {name: info.size for name, info in files.items()}:
            outcome.present.append(path)
            _log.info("present", extra={"model": str(path)})
        else:
            outcome.differing.append(path)
            _log.error("the disk has other files, which stay: load under another name", extra={"model": str(path)})
    _check_room(root, sum(info.size for files in missing.values() for info in files.values()))
    for path, files in missing.items():
        await _copy(store, files, root, path)
        outcome.copied.append(path)
    shutil.rmtree(root / LOADING, ignore_errors=True)
    return outcome


async def _models(store: ObjectStore, prefix: str) -> dict[ModelPath, dict[PurePosixPath, ObjectInfo]]:
    """Return the objects of each model by their place in its folder. A name that leaves the folder is left out."""
    found: dict[ModelPath, dict[PurePosixPath, ObjectInfo]] = {}
    async for info in store.list(prefix):
        if info.key.endswith("/"):
            continue  # a folder of a console
        try:
            path, name = place(info.key.removeprefix(prefix))
        except ModelPathInvalid as error:
            _log.warning("left out: %s", error, extra={"key": info.key})
        else:
            found.setdefault(path, {})[name] = info
    return found


def place(key: str) -> tuple[ModelPath, PurePosixPath]:
    """Return the model and the place in its folder. Raises ModelPathInvalid."""
    at = key.find("/", key.find("/") + 1)
    path, parts = ModelPath.parse(key[: max(0, at)]), key[at + 1 :].split("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in parts):
        raise ModelPathInvalid(f"{key!r} leaves the folder of its model")
    return path, PurePosixPath(*parts)


def _sizes(folder: Path) -> dict[PurePosixPath, int]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {PurePosixPath(path.relative_to(folder)): path.stat().st_size for path in files}


def _check_room(root: Path, needed: int) -> None:
    free = shutil.disk_usage(root).free
    if needed > free:
        raise NoRoom(f"the models need {needed} bytes, and {root} has {free} free: use a larger volume")


async def _copy(store: ObjectStore, files: dict[PurePosixPath, ObjectInfo], root: Path, path: ModelPath) -> None:
    """Copy a model beside the others, then give it its name."""
    aside = root / LOADING / path.set / path.model
    if aside.exists():
        shutil.rmtree(aside)
    for number, (name, info) in enumerate(sorted(files.items()), 1):
        _log.info("copying", extra={"model": str(path), "file": f"{number}/{len(files)} {name}", "bytes": info.size})
        target = aside / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            async for block in store.stream(info.key, range_size=PART_SIZE):
                await asyncio.to_thread(out.write, block)
        if target.stat().st_size != info.size:
            raise OSError(f"{info.key} changed while it was copied: load again")
    (root / path.set).mkdir(exist_ok=True)
    aside.rename(root / path.set / path.model)
    _log.info("copied", extra={"model": str(path)})
