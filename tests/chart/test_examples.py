"""The examples for Argo CD and Terraform: they have the right form, and the chart takes the values that they give."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hclfmt
import jsonschema
import pytest
import render_chart as render
import yaml

from tests.chart.manifests import Installation
from tests.chart.strictly import check
from tests.chart.tools import provided

EXAMPLES = render.HERE / "examples"
TERRAFORM = sorted((EXAMPLES / "terraform").glob("*.tf"))


@pytest.fixture(scope="module")
def application() -> dict[str, Any]:
    """The Application of Argo CD."""
    found: dict[str, Any] = yaml.safe_load((EXAMPLES / "argocd" / "application.yaml").read_text(encoding="utf-8"))
    return found


def test_the_application_is_what_argo_cd_takes(application: dict[str, Any]) -> None:
    check(application)
    with pytest.raises(jsonschema.ValidationError):
        check({**application, "spec": {**application["spec"], "colour": "blue"}})


def test_the_chart_takes_the_values_of_the_application(application: dict[str, Any]) -> None:
    source = application["spec"]["source"]
    assert (render.HERE.parents[1] / source["path"]).resolve() == render.CHART
    (file,) = source["helm"]["valueFiles"]
    given = source["helm"]["valuesObject"]
    found = Installation("argo", render.manifests(render.template(render.CHART / file, dict(_leaves(given)))))
    (route,) = found.of_kind("GRPCRoute")
    assert route["spec"]["hostnames"] == given["expose"]["hosts"]
    assert found.of_kind("Secret") == [], "Argo CD renders each time anew, and would draw new secrets"


def _leaves(values: dict[str, Any], path: str = "") -> Iterator[tuple[str, object]]:
    """Yield each value by its path: Argo CD merges maps, and `--set-json` replaces them."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield path + key, value


@pytest.fixture(scope="module")
def formatter() -> Path:
    """hclfmt, built if it is missing."""
    return provided(hclfmt.TOOL.install, "hclfmt")


@pytest.mark.parametrize("path", TERRAFORM, ids=lambda path: path.name)
def test_terraform_files_parse_and_are_formatted(path: Path, formatter: Path) -> None:
    done = subprocess.run([formatter, "-check", str(path)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout == path.read_text(encoding="utf-8")


def test_hclfmt_notices_what_does_not_parse(tmp_path: Path, formatter: Path) -> None:
    wrong = tmp_path / "wrong.tf"
    wrong.write_text('resource "a" {\n', encoding="utf-8")
    assert subprocess.run([formatter, "-check", str(wrong)], capture_output=True, timeout=30).returncode != 0


def test_every_variable_of_terraform_is_declared_and_used() -> None:
    text = {path.name: path.read_text(encoding="utf-8") for path in TERRAFORM}
    declared = re.findall(r'^variable "(\w+)"', text["variables.tf"], re.MULTILINE)
    used = set(re.findall(r"\bvar\.(\w+)", "".join(text.values())))
    assert sorted(declared) == sorted(used)


def test_terraform_makes_the_secrets_that_its_values_name() -> None:
    """The Secrets and keys of values-external.yaml are those that main.tf creates."""
    text = (EXAMPLES / "terraform" / "main.tf").read_text(encoding="utf-8")
    assert '"${path.module}/../../locution/values-external.yaml"' in text
    made = set(re.findall(r'name +?= "(locution-[a-z0-9]+)"', text))
    made |= {f"locution-{role}-postgres" for role in ("gateway", "worker", "registry")}
    assert '"locution-${each.key}-postgres"' in text
    assert set(_secrets(yaml.safe_load((render.CHART / "values-external.yaml").read_text(encoding="utf-8")))) == made


def _secrets(values: Any) -> list[str]:
    if not isinstance(values, dict):
        return []
    own = [values["existingSecret"]] if "existingSecret" in values else []
    return own + [name for value in values.values() for name in _secrets(value)]
