"""The images: one Dockerfile for every service, multi-stage, non-root, installed by hash, in step with the chart."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import render_chart as render
import yaml

from tests.chart.manifests import COMPONENTS, ROOT, Installation, containers

SERVICES = ("gateway", "registry", "asr", "diarizer")
ENGINES = ("asr", "diarizer")


class _Dockerfile:
    """The instructions of the Dockerfile for a service, in order, continuation lines joined."""

    def __init__(self, service: str) -> None:
        text = (ROOT / "services" / "Dockerfile").read_text(encoding="utf-8").replace("${SERVICE}", service)
        lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
        self.instructions = [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in joined.splitlines()]

    def all(self, name: str) -> list[str]:
        return [rest for instruction, rest in self.instructions if instruction == name]

    def arguments(self) -> dict[str, str]:
        return dict(argument.split("=", 1) for argument in self.all("ARG") if "=" in argument)

    def stage(self, name: str) -> list[tuple[str, str]]:
        begin = next(
            at for at, (kind, rest) in enumerate(self.instructions) if (kind, rest.split()[-1]) == ("FROM", name)
        )
        after = self.instructions[begin + 1 :]
        return after[: next((at for at, (kind, _) in enumerate(after) if kind == "FROM"), len(after))]


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    """Give each service in turn."""
    name: str = request.param
    return name


def test_the_image_runs_as_the_charts_user(service: str) -> None:
    (user,) = _Dockerfile(service).all("USER")
    values = yaml.safe_load((render.CHART / "values.yaml").read_text(encoding="utf-8"))["podSecurity"]
    assert user == f"{values['runAsUser']}:{values['runAsGroup']}"
    assert values["runAsUser"] > 0


def test_packages_are_installed_by_hash_and_ours_without_dependencies(service: str) -> None:
    runs = _Dockerfile(service).all("RUN")
    assert any(f"--require-hashes -r requirements/{service}.lock" in run for run in runs)
    installs = [part for run in runs for part in run.split("&&") if "uv pip install" in part]
    assert all("--require-hashes" in part or "--no-index --find-links wheels" in part for part in installs)
    assert (ROOT / "requirements" / f"{service}.lock").is_file()


def test_the_image_holds_its_own_service_and_what_that_depends_on(service: str) -> None:
    dockerfile = _Dockerfile(service)
    copied = [part for rest in dockerfile.all("COPY") for part in _sources(rest)]
    assert sorted(copied) == sorted([f"requirements/{service}.lock", "protos/gen/python", "services"])
    assert all((ROOT / path).exists() for path in copied)
    (install,) = [part for run in dockerfile.all("RUN") for part in run.split("&&") if "--find-links" in part]
    assert install.split()[-1] == f"locution-{service}"
    project = tomllib.loads((ROOT / "services" / service / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == f"locution-{service}"


def _sources(rest: str) -> list[str]:
    return [] if "--from=" in rest else shlex.split(rest)[:-1]


def test_the_last_stage_has_no_build_tools(service: str) -> None:
    dockerfile = _Dockerfile(service)
    stages = dockerfile.all("FROM")
    assert len(stages) >= 2
    assert stages[0].endswith(" AS build")
    assert stages[-1] == "runtime-${ACCELERATOR}"
    last = max(index for index, (name, _) in enumerate(dockerfile.instructions) if name == "FROM")
    assert "RUN" not in [name for name, _ in dockerfile.instructions[last:]]


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_take_a_cuda_runtime_by_argument(engine: str) -> None:
    dockerfile = _Dockerfile(engine)
    assert dockerfile.arguments()["ACCELERATOR"] == "cpu"
    assert re.match(r"nvidia/cuda:\d+\.\d+\.\d+-cudnn-runtime-", dockerfile.arguments()["CUDA_IMAGE"])
    assert {"python AS runtime-cpu", "${CUDA_IMAGE} AS runtime-cuda"} <= set(dockerfile.all("FROM"))


def test_without_an_accelerator_an_image_knows_nothing_of_cuda(service: str) -> None:
    dockerfile = _Dockerfile(service)
    assert dockerfile.arguments()["ACCELERATOR"] == "cpu"
    assert dockerfile.stage("runtime-cpu") == []
    last = dockerfile.stage("runtime-${ACCELERATOR}")
    assert not re.search("cuda|nvidia", str([*dockerfile.stage("build"), *last]).lower())


def test_the_chart_runs_what_the_image_runs(installation: Installation) -> None:
    for component in COMPONENTS:
        for container in containers(installation.get("Deployment", component)):
            if container["name"] == "make-bucket":
                continue
            service = container["image"].rpartition("/")[2].partition(":")[0]
            assert container["command"][:3] == ["python", "-m", f"locution_{service}"]
            (entry,) = _Dockerfile(service).all("ENTRYPOINT")
            (launcher,) = [run for run in _Dockerfile(service).all("RUN") if "printf" in run]
            assert f"/opt/locution/bin/{yaml.safe_load(entry)[0]}" in launcher
            assert f'exec python -m locution_%s "$@"\\n\' "{service}"' in launcher
            ports = {str(port["containerPort"]) for port in container.get("ports", [])}
            assert ports <= set(_Dockerfile(service).all("EXPOSE")[0].split())


def _named_images() -> list[tuple[str, str]]:
    found = [(service, image) for service in SERVICES for image in _images(_Dockerfile(service).arguments())]
    values = yaml.safe_load((render.CHART / "values.yaml").read_text(encoding="utf-8"))
    found += [(name, values[name]["image"]["repository"]) for name in COMPONENTS]
    return [*found, *((name, store["image"]) for name, store in values["evaluation"].items())]


def _images(arguments: dict[str, str]) -> list[str]:
    return [value for name, value in arguments.items() if name.endswith("_IMAGE")]


def test_no_registry_is_named() -> None:
    """Which registry an image comes from is the installation's choice."""
    hosts = [
        (where, image) for where, image in _named_images() if re.search(r"[.:]", image.split("/")[0]) and "/" in image
    ]
    assert hosts == []


def test_the_build_context_is_small() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "**"
    taken = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert taken == {"protos/gen/python/**", "requirements/*.lock", "services/**"}
    assert Path("**/__pycache__").as_posix() in rules
