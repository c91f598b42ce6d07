"""Tools that tests of the chart fetch or build by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
from helm_tools import ToolsError

Tool = TypeVar("Tool")


def provided(install: Callable[[], Tool], name: str) -> Tool:
    """Return what `install` gives. Skips where it cannot be had, as on a user's machine without Go or a module proxy."""
    try:
        return install()
    except ToolsError as error:
        pytest.skip(f"{name} cannot be had: {error}")
