"""Tests skip where no test data or no models are; a name that is wrong fails them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import models, testdata

Find = Callable[[str], Path]
INPUTS = [(testdata, testdata.recording), (models, models.model_folder)]


@pytest.mark.parametrize(("module", "find"), INPUTS, ids=["recording", "model"])
def test_what_is_missing_among_others_is_no_skip(
    module: ModuleType, find: Find, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FOLDER", tmp_path / "inputs")
    with pytest.raises(pytest.skip.Exception, match="set LOCUTION_"):
        find("jfk")
    (tmp_path / "inputs" / "jfk").mkdir(parents=True)
    assert find("jfk") == tmp_path / "inputs" / "jfk"
    with pytest.raises(FileNotFoundError, match="has no jkf"):
        find("jkf")
