"""Recognise the layout of a model's folder from headers and text only: nothing is unpickled or executed."""

from __future__ import annotations

from ...domain.errors import ModelLayoutInvalid
from ...domain.models import Layout
from ..tree import Folder
from . import pyannote, whisper


def recognise(folder: Folder) -> Layout:
    """Return the layout of a folder. Raises ModelLayoutInvalid with the fault."""
    match whisper.MODEL in folder.stamps, pyannote.CONFIG in folder.stamps:
        case True, False:
            return whisper.inspect(folder)
        case False, True:
            return pyannote.inspect(folder)
        case True, True:
            raise ModelLayoutInvalid(f"there are both {whisper.MODEL} and {pyannote.CONFIG}: a model is one of the two")
        case _:
            raise ModelLayoutInvalid(
                f"there is neither {whisper.MODEL} (CTranslate2 Whisper) nor {pyannote.CONFIG} (pyannote pipeline)"
            )
