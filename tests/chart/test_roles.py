"""Each service comes to Postgres in its own role, and the roles that the evaluation makes are bound."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
import render_chart as render
from locution_common.postgres import migrate
from locution_gateway.commands import migrations_folder
from locution_registry.commands import migrations_folder as registry_migrations

from tests.chart.manifests import Installation, pod
from tests.support.postgres import Postgres

DATABASE = "LOCUTION_DATABASE_URL"
ROLES = {"api": "locution_api", "worker": "locution_worker", "registry": "locution_registry"}
POWERS = "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = $1"
SEES = "SELECT has_schema_privilege($1, 'gateway', 'USAGE'), has_schema_privilege($1, 'registry', 'USAGE')"


@pytest.fixture(scope="module")
def evaluation() -> Installation:
    return Installation.render(render.CHART / "values-evaluation.yaml")


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.close()


def database_of(installation: Installation, component: str) -> tuple[str, str]:
    """Return the Secret and the key of a component's database."""
    volumes = pod(installation.get("Deployment", component))["volumes"]
    sources = [source["secret"] for volume in volumes for source in volume.get("projected", {}).get("sources", [])]
    (found,) = (
        (secret["name"], item["key"]) for secret in sources for item in secret["items"] if item["path"] == DATABASE
    )
    return found


def test_no_two_services_share_a_role(installation: Installation) -> None:
    assert len({database_of(installation, component) for component in ROLES}) == len(ROLES)


def test_the_evaluation_names_the_roles(evaluation: Installation) -> None:
    urls = evaluation.find("Secret", "evaluation")
    assert urls is not None
    for component, role in ROLES.items():
        _, key = database_of(evaluation, component)
        assert urls["stringData"][key].startswith(f"postgresql://{role}:")
    assert urls["stringData"]["migration-url"].startswith("postgresql://locution:")


def test_the_script_is_where_the_image_looks(evaluation: Installation) -> None:
    spec = pod(evaluation.get("StatefulSet", "postgres"))
    mounts: list[dict[str, Any]] = spec["containers"][0]["volumeMounts"]
    (mount,) = (mount for mount in mounts if mount["mountPath"] == "/docker-entrypoint-initdb.d")
    (volume,) = (volume for volume in spec["volumes"] if volume["name"] == mount["name"])
    assert volume["configMap"]["name"] == evaluation.get("ConfigMap", "postgres")["metadata"]["name"]


async def test_the_roles_of_the_script_are_bound(evaluation: Installation, postgres: Postgres) -> None:
    """Its statements, then the migrations, on a real Postgres; psql itself is not at hand here."""
    script = evaluation.get("ConfigMap", "postgres")["data"]["roles.sh"]
    (statements,) = re.findall(r"<<'SQL'\n(.*?)^SQL$", script, re.DOTALL | re.MULTILINE)
    postgres.sql(statements.replace(":'password'", "'a password'"))
    postgres.sql("CREATE DATABASE locution")
    await migrate(postgres.url("locution"), migrations_folder(), "gateway")
    await migrate(postgres.url("locution"), registry_migrations(), "registry")
    connection = await asyncpg.connect(postgres.url("locution"))
    try:
        for component, role in ROLES.items():
            assert await connection.fetchval(POWERS, role) is False
            seen = await connection.fetchrow(SEES, role)
            assert tuple(seen) == (component != "registry", component == "registry")
    finally:
        await connection.close()
