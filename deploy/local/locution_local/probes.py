"""Health probes of the stack's processes."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Protocol

import grpc
import urllib3
from grpc_health.v1 import health_pb2
from minio import Minio
from minio.error import MinioException

from locution_local.errors import StackError
from locution_local.postgres import Postgres

TIMEOUT = 2.0
"""Seconds that a probe may take."""


class Probe(Protocol):
    """Probe once, within TIMEOUT, and never raise for an unhealthy process."""

    def __call__(self) -> str | None:
        """Return None if the process is healthy, else the reason."""


@dataclass(frozen=True, slots=True)
class GrpcHealth:
    """A probe by grpc.health.v1 for the whole server."""

    address: str

    def __call__(self) -> str | None:
        """Return None if SERVING."""
        with grpc.insecure_channel(self.address) as channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            try:
                status = check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT).status
            except grpc.RpcError as error:
                return _status(error)
        names = health_pb2.HealthCheckResponse.ServingStatus
        return None if status == names.Value("SERVING") else str(names.Name(status))


@dataclass(frozen=True, slots=True)
class PostgresAnswers:
    """A probe by a query to Postgres."""

    postgres: Postgres

    def __call__(self) -> str | None:
        """Return None if it answers."""
        try:
            self.postgres.sql("SELECT 1", database="postgres")
        except (StackError, subprocess.TimeoutExpired) as error:
            return str(error)
        return None


@dataclass(frozen=True, slots=True)
class BucketExists:
    """A probe of the S3 server for its bucket, with the stack's credentials."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str

    def __call__(self) -> str | None:
        """Return None if the bucket exists."""
        pool = urllib3.PoolManager(timeout=urllib3.Timeout(TIMEOUT), retries=False)
        client = Minio(
            self.endpoint, access_key=self.access_key, secret_key=self.secret_key, secure=False, http_client=pool
        )
        try:
            return None if client.bucket_exists(self.bucket) else f"bucket {self.bucket} is missing"
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            return str(error)


def _status(error: grpc.RpcError) -> str:
    code = getattr(error, "code", None)
    return code().name if code else str(error)
