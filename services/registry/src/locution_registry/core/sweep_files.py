"""Look at all weights from time to time, so that lost files are noticed and returned ones are used again."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from locution_common.errors import Refused

from ..domain.errors import ModelsRootUnavailable
from ..domain.models import REGISTRY, Kind, Stamp, State, Weight, WeightPath
from ..domain.ports import WeightFolders, WeightStore
from .check_files import CheckFiles
from .enable_model import EnableWeight

_log = logging.getLogger(__name__)


class SweepFiles:
    """Take weights out of use whose files changed, and back into use once a full digest finds them whole.

    So files that only got a new modification time (a volume filled again) need no administrator. An INVALID weight is
    digested once for each state of its files that is seen; DISABLED ones are left to the administrator.
    """

    def __init__(self, store: WeightStore, folders: WeightFolders, check: CheckFiles, enable: EnableWeight) -> None:
        self._store = store
        self._folders = folders
        self._check = check
        self._enable = enable
        self._seen: dict[WeightPath, Mapping[str, Stamp]] = {}

    async def run(self) -> None:
        """Look at every weight once; a fault of one does not keep the others from being looked at."""
        for kind in Kind:
            for weight in await self._store.of_kind(kind):
                await self._look(weight)

    async def _look(self, weight: Weight) -> None:
        try:
            now = await self._check.run(weight)
            if now.state is State.INVALID:
                await self._restore(now)
        except ModelsRootUnavailable:
            raise
        except Refused as error:
            _log.info("a weight stays out of use", extra={"weight": str(weight.path), "why": error.message})

    async def _restore(self, weight: Weight) -> None:
        stamps = await self._folders.stamps(weight.path)
        sizes = {file.path: file.size_bytes for file in weight.files}
        if {path: stamp.size_bytes for path, stamp in stamps.items()} != sizes:
            return
        if self._seen.get(weight.path) != stamps:
            self._seen[weight.path] = stamps
            await self._enable.run(weight.path, REGISTRY, even_disabled=False)
            del self._seen[weight.path]
