"""Tags."""

from __future__ import annotations

from locution.v1 import tag_service_pb2 as pb

from locution_gateway.jobs.tags.models import TagCount


def tag(name: str) -> str:
    """Return the tag of a name."""
    return name.removeprefix("tags/")


def tag_to_proto(tag: TagCount) -> pb.Tag:
    """Return the public form of a tag."""
    return pb.Tag(name=f"tags/{tag.tag}", job_count=tag.jobs)
