"""Check the files of all models regularly, and disable or enable models as files change."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from locution_common.errors import Refused

from ..domain.errors import ModelsRootUnavailable
from ..domain.models import REGISTRY, Kind, Model, ModelPath, Stamp, State
from ..domain.ports import ModelFolders, ModelStore
from .check_files import CheckFiles
from .enable_model import EnableModel

_log = logging.getLogger(__name__)


class CheckAllFiles:
    """Disable models whose files changed, and enable them again once a full hash matches.

    Files that only got a new modification time, for example on a restored volume, need no administrator. An INVALID
    model is hashed once for each observed state of its files. DISABLED models are left to the administrator.
    """

    def __init__(self, store: ModelStore, folders: ModelFolders, check: CheckFiles, enable: EnableModel) -> None:
        self._store = store
        self._folders = folders
        self._check = check
        self._enable = enable
        self._seen: dict[ModelPath, Mapping[str, Stamp]] = {}

    async def run(self) -> None:
        """Check every model once; a fault of one does not stop the check of the others."""
        for kind in Kind:
            for model in await self._store.of_kind(kind):
                await self._check_one(model)

    async def _check_one(self, model: Model) -> None:
        try:
            now = await self._check.run(model)
            if now.state is State.INVALID:
                await self._restore(now)
        except ModelsRootUnavailable:
            raise
        except Refused as error:
            _log.info("a model stays invalid", extra={"model": str(model.path), "why": error.message})

    async def _restore(self, model: Model) -> None:
        stamps = await self._folders.stamps(model.path)
        sizes = {file.path: file.size_bytes for file in model.files}
        if {path: stamp.size_bytes for path, stamp in stamps.items()} != sizes:
            return
        if self._seen.get(model.path) != stamps:
            self._seen[model.path] = stamps
            await self._enable.run(model.path, REGISTRY, even_disabled=False)
            del self._seen[model.path]
