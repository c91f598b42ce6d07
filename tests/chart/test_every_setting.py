"""Every setting of every service can be set through the chart: the settings classes are compared with what it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
import render_chart as render
import settings_schema
from locution_common.settings import AwaitSchemaSettings, Settings, setting_name
from locution_common.settings.base import PREFIX, is_secret
from pydantic import TypeAdapter

from tests.chart.manifests import COMPONENTS, containers, environment
from tests.chart.manifests import Installation as Rendered

EVERYTHING = render.CHART / "ci" / "everything-values.yaml"
MINIMAL = render.CHART / "ci" / "minimal-values.yaml"
WAITING = ("api", "worker", "registry")


def _environment(
    component: str, values: Path, changes: dict[str, object] | None = None, *, init: bool = False
) -> dict[str, str]:
    rendered = Rendered(values.stem, render.manifests(render.template(values, changes)))
    return environment(containers(rendered.get("Deployment", component))[-2 if init else -1])


def _names(cls: type[Settings], *, secret: bool) -> set[str]:
    fields = cls.model_fields
    return {setting_name(name) for name, field in fields.items() if is_secret(field) is secret}


def _names_of(component: str, *, secret: bool) -> set[str]:
    return _names(settings_schema.settings_class(component), secret=secret)


def test_the_schema_allows_the_settings_of_now() -> None:
    stale = "values.schema.json is stale: run `python deploy/helm/settings_schema.py` and commit the result"
    assert settings_schema.read() == settings_schema.current(settings_schema.read()), stale


@pytest.mark.parametrize("component", COMPONENTS)
def test_what_the_chart_does_not_decide_itself_can_be_set(component: str) -> None:
    decided = _environment(component, MINIMAL).keys()
    free = _names_of(component, secret=False) - decided
    assert free
    values = {name: _sample(component, name) for name in sorted(free)}
    given = _environment(component, MINIMAL, {f"{component}.settings": values})
    assert {name: given[name] for name in free} == values
    assert _names_of(component, secret=False) <= given.keys()


def _sample(component: str, name: str) -> str:
    block = settings_schema.settings_of(settings_schema.settings_class(component))
    return str(block["properties"][name].get("enum", ["sample"])[0])


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_secret_comes_from_a_secret(component: str) -> None:
    given = _environment(component, EVERYTHING)
    wanted = _names_of(component, secret=True)
    assert {f"{name}_FILE" for name in wanted} <= given.keys()
    assert not wanted & given.keys()


@pytest.mark.parametrize("component", WAITING)
def test_every_setting_of_the_wait_for_the_schema_can_be_set(component: str) -> None:
    changes = {"migrations.wait": 7.5, f"{component}.settings": {"LOCUTION_ENVIRONMENT": "local"}}
    given = _environment(component, EVERYTHING, changes, init=True)
    secret, plain = (_names(AwaitSchemaSettings, secret=secret) for secret in (True, False))
    assert {f"{name}_FILE" for name in secret} | plain == {name for name in given if name.startswith(PREFIX)}
    assert (given["LOCUTION_MIGRATION_WAIT"], given["LOCUTION_ENVIRONMENT"]) == ("7.5", "local")


def test_the_wait_of_migrations_has_the_bounds_and_the_default_of_its_setting() -> None:
    given = _environment("api", MINIMAL, init=True)["LOCUTION_MIGRATION_WAIT"]
    field = AwaitSchemaSettings.model_fields["migration_wait"]
    assert float(given) == field.default
    allowed = settings_schema.read()["properties"]["migrations"]["properties"]["wait"]
    bounds = TypeAdapter[Any](Annotated[float, field]).json_schema()
    assert [allowed[end] for end in ("minimum", "maximum")] == [bounds[end] for end in ("minimum", "maximum")]


def test_the_api_hears_live_streams_unless_it_is_told_not_to() -> None:
    assert "LOCUTION_ASR_ADDRESS" in _environment("api", MINIMAL)
    assert "LOCUTION_ASR_ADDRESS" not in _environment("api", MINIMAL, {"live.enabled": False})
