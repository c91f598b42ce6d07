"""Resource names and ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from uuid import UUID

from locution_common.errors import Reason, Refused

from locution_gateway.platform.ids import JobId, UploadId, VoiceId

Id = TypeVar("Id", bound=UUID)


@dataclass(frozen=True, slots=True)
class Names(Generic[Id]):
    """Names of a collection's resources: "<collection>/<id>", with the id in canonical form."""

    collection: str
    of: Callable[[UUID], Id]
    absent: Reason

    def find(self, name: str) -> Id | None:
        """Return the id of a name, or None if malformed."""
        prefix, _, text = name.partition("/")
        try:
            found = UUID(text)
        except ValueError:
            return None
        return self.of(found) if prefix == self.collection and str(found) == text else None

    def id(self, name: str) -> Id:
        """Return the id of a name. A malformed name names nothing and is refused with `absent`."""
        found = self.find(name)
        if found is None:
            raise Refused(self.absent)
        return found

    def name(self, resource_id: UUID) -> str:
        """Return the name of an id."""
        return f"{self.collection}/{resource_id}"


UPLOADS: Final = Names("uploads", UploadId, Reason.UPLOAD_NOT_FOUND)
JOBS: Final = Names("jobs", JobId, Reason.JOB_NOT_FOUND)
VOICES: Final = Names("voices", VoiceId, Reason.VOICE_NOT_FOUND)
