"""Presigned URLs against AWS's own example."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from locution_common.presign import presign

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def test_the_example_of_the_documentation() -> None:
    """AWS, "Authenticating Requests: Using Query Parameters", example of a GET that expires after a day."""
    url = presign(
        "GET",
        "https://examplebucket.s3.amazonaws.com/test.txt",
        {},
        {},
        access_key="AKIAIOSFODNN7EXAMPLE",
        secret_key=SECRET,
        region="us-east-1",
        time=datetime(2013, 5, 24, tzinfo=UTC),
        expires=timedelta(days=1),
    )
    assert url.endswith("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
