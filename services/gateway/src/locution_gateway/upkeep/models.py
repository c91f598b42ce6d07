"""What the api needs of the world."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deletion:
    """Something to remove from the object store; `multipart_id` names a multipart upload to abort."""

    deletion_id: int
    key: str
    multipart_id: str | None
