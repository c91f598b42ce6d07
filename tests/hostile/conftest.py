"""The real api with two tenants: one attacks, one is the neighbour."""

from __future__ import annotations

from tests.service.gateway.conftest import bucket, gateway_database, postgres, s3, serve, worker
from tests.service.gateway.identity.conftest import api, world

__all__ = ["api", "bucket", "gateway_database", "postgres", "s3", "serve", "worker", "world"]
