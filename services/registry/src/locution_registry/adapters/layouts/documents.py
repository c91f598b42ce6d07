"""Read the small text files of a model from untrusted sources."""

from __future__ import annotations

import json

import yaml

from ...domain.errors import ModelLayoutInvalid
from ..tree import Folder


def json_value(folder: Folder, path: str, limit: int) -> object:
    """Return the value of a JSON file of at most `limit` bytes. Raises ModelLayoutInvalid."""
    try:
        value: object = json.loads(text(folder, path, limit))
    except (ValueError, RecursionError):
        raise ModelLayoutInvalid(f"{path} is not JSON") from None
    return value


def parse_object(content: bytes, path: str) -> dict[str, object]:
    """Return the JSON object in these bytes of a file. Raises ModelLayoutInvalid."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ModelLayoutInvalid(f"{path} does not hold a JSON object where it should")
    return value


def json_object(folder: Folder, path: str, limit: int) -> dict[str, object]:
    """Return the JSON object of a file. Raises ModelLayoutInvalid."""
    return parse_object(folder.read(path, limit), path)


def yaml_mapping(folder: Folder, path: str, limit: int) -> dict[object, object]:
    """Return the mapping of a YAML file, plain values only. Raises ModelLayoutInvalid."""
    try:
        value = yaml.safe_load(text(folder, path, limit))
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ModelLayoutInvalid(f"{path} is not plain YAML") from None
    if not isinstance(value, dict):
        raise ModelLayoutInvalid(f"{path} does not hold a YAML mapping")
    return value


def text(folder: Folder, path: str, limit: int) -> str:
    """Return the text of a UTF-8 file of at most `limit` bytes. Raises ModelLayoutInvalid."""
    try:
        return folder.read(path, limit).decode("utf-8")
    except UnicodeDecodeError:
        raise ModelLayoutInvalid(f"{path} is not UTF-8 text") from None
