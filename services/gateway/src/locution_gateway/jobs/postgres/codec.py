"""Domain values as JSON for jsonb columns, and section transcripts as bytes.

What is None is left out, and of segments, which are many, what has its default.
"""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter

from locution_gateway.jobs.config import JobConfig, JobRequestConfig
from locution_gateway.jobs.models import Failure, JobWarning
from locution_gateway.platform.codec import Codec

REQUEST: Final = Codec(TypeAdapter(JobRequestConfig))
CONFIG: Final = Codec(TypeAdapter(JobConfig))
WARNINGS: Final = Codec(TypeAdapter(tuple[JobWarning, ...]))
FAILURE: Final = Codec(TypeAdapter(Failure))
