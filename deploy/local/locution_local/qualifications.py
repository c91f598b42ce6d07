"""Store the development models' qualifications with the registry.

`qualifications.json` holds what `python -m locution_asr.qualification --output` wrote. A qualification applies to
exactly the files whose checksum it names; it is not stored for other files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from locution.registry.v1 import registry_service_pb2 as pb
from locution.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from locution.v1.model_service_pb2 import Model

FILE = Path(__file__).parent.parent / "qualifications.json"
ACTOR = "make models"
TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Qualification:
    """The comparison of a model's FAST mode with ACCURATE: word error rates from 0, `min_encoder_input` in seconds.

    `destroyed_recording_count` counts the recordings whose text FAST destroys.
    """

    model: str
    checksum: str
    accurate_word_error_rate: float
    fast_word_error_rate: float
    word_count: int
    destroyed_recording_count: int
    run_time: datetime
    min_encoder_input: float

    def to_request(self) -> pb.RecordQualificationRequest:
        """Return it in the registry's form."""
        request = pb.RecordQualificationRequest(
            path=self.model,
            checksum=self.checksum,
            accurate_word_error_rate=self.accurate_word_error_rate,
            fast_word_error_rate=self.fast_word_error_rate,
            word_count=self.word_count,
            destroyed_recording_count=self.destroyed_recording_count,
            actor=ACTOR,
        )
        request.run_time.FromDatetime(self.run_time)
        request.min_encoder_input.FromTimedelta(timedelta(seconds=self.min_encoder_input))
        return request


def read(path: Path = FILE) -> list[Qualification]:
    """Return the qualifications of the file."""
    return [_qualification(item) for item in json.loads(path.read_text(encoding="utf-8"))["qualifications"]]


def wanting(qualifications: Iterable[Qualification], models: Iterable[Model]) -> list[Qualification]:
    """Return the qualifications of registered files for which the registry has none or an older one."""
    known = {
        (m.name.removeprefix("models/"), m.checksum): m.qualification.run_time.ToDatetime(tzinfo=UTC) for m in models
    }
    return [each for each in qualifications if known.get((each.model, each.checksum), each.run_time) < each.run_time]


async def record(address: str, token: str, qualifications: Sequence[Qualification]) -> None:
    """Store qualifications with the registry at `address`. Raises AioRpcError."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = RegistryServiceStub(channel)
        for qualification in qualifications:
            credential = (("authorization", f"Bearer {token}"),)
            await stub.RecordQualification(qualification.to_request(), metadata=credential, timeout=TIMEOUT)


def _qualification(item: Mapping[str, str | float]) -> Qualification:
    return Qualification(
        model=str(item["model"]),
        checksum=str(item["checksum"]),
        accurate_word_error_rate=float(item["accurate_word_error_rate"]),
        fast_word_error_rate=float(item["fast_word_error_rate"]),
        word_count=int(item["word_count"]),
        destroyed_recording_count=int(item["destroyed_recording_count"]),
        run_time=datetime.fromisoformat(str(item["run_time"])),
        min_encoder_input=float(item["min_encoder_input"]),
    )
