"""A path is one plain folder in another."""

from __future__ import annotations

import pytest
from locution_registry.domain.errors import ModelPathInvalid
from locution_registry.domain.models import ModelPath


@pytest.mark.parametrize("text", ["whisper/base", "whisper/tiny.en", "a/b", "_x/1-2_3.4", f"{'a' * 64}/{'b' * 64}"])
def test_plain_paths_are_taken(text: str) -> None:
    assert str(ModelPath.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whisper",
        "whisper/",
        "/base",
        "/etc/passwd",
        "//",
        "whisper/base/",
        "whisper//base",
        "a/b/c",
        "whisper/..",
        "../base",
        "whisper/../../etc",
        "./base",
        "whisper/.",
        "whisper/.hidden",
        "whisper/-rf",
        "whisper/ba se",
        "whisper/base\n",
        "whisper/base\0",
        "whisper\\base",
        "whisper/bäse",
        "whisper/%2e%2e",
        f"whisper/{'a' * 65}",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ModelPathInvalid):
        ModelPath.parse(text)
