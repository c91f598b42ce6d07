"""The images: one Dockerfile for every service, multi-stage, non-root, installed by hash, in step with the chart."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import images
import pytest
import render_chart as render
import yaml

from tests.chart.manifests import COMPONENTS, ROOT, Installation, containers

PIN = re.compile(r"^([a-z0-9.-]+)==", re.MULTILINE)


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


@pytest.fixture(params=images.SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    """Give each service in turn."""
    name: str = request.param
    return name


def test_the_image_runs_as_the_charts_user(service: str) -> None:
    (user,) = _Dockerfile(service).all("USER")
    values = yaml.safe_load((render.CHART / "values.yaml").read_text(encoding="utf-8"))["podSecurity"]
    assert user == f"{values['runAsUser']}:{values['runAsGroup']}"
    assert values["runAsUser"] > 0


def test_packages_are_installed_by_hash_and_ours_without_an_index(service: str) -> None:
    runs = _Dockerfile(service).all("RUN")
    installs = [part for run in runs for part in run.split(";") if re.search(r"\b(uv )?pip install", part)]
    assert len(installs) == 3
    assert all("--require-hashes" in part or "--no-index" in part for part in installs)
    assert (ROOT / "requirements" / f"{service}.lock").is_file()


def test_the_image_holds_its_own_service_and_what_that_depends_on(service: str) -> None:
    dockerfile = _Dockerfile(service)
    copied = [part for rest in dockerfile.all("COPY") for part in _sources(rest)]
    code = ["protos/gen/python", "services/common", "services/speech", f"services/{service}"]
    tools = ["deploy/images/elf.py", "deploy/images/slim.py"]
    assert sorted(copied) == sorted(["requirements/build.lock", f"requirements/{service}*.lock", *tools, *code])
    assert all(list(ROOT.glob(path)) for path in copied)
    (install,) = [part for run in dockerfile.all("RUN") for part in run.split(";") if "--find-links" in part]
    assert install.split()[-1] == f"locution-{service}"
    project = tomllib.loads((ROOT / "services" / service / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == f"locution-{service}"


def _sources(rest: str) -> list[str]:
    return [] if "--from=" in rest else shlex.split(rest)[:-1]


def test_the_packages_of_others_are_a_layer_of_their_own_and_come_before_our_code(service: str) -> None:
    dockerfile = _Dockerfile(service)
    packages = " ".join(rest for _, rest in dockerfile.stage("packages"))
    assert "services/" not in packages
    stages = [*dockerfile.stage("dependencies"), *dockerfile.stage("filled")]
    copies = [rest for kind, rest in stages if kind == "COPY"]
    assert copies == ["--from=python / /", "--from=packages /opt/ /opt/", "--from=code /code/opt/ /opt/"]


def test_the_last_stage_has_no_build_tools(service: str) -> None:
    dockerfile = _Dockerfile(service)
    last = max(index for index, (name, _) in enumerate(dockerfile.instructions) if name == "FROM")
    assert dockerfile.instructions[last][1] == "filled"
    stages = [*dockerfile.stage("dependencies"), *dockerfile.stage("filled"), *dockerfile.instructions[last:]]
    assert "RUN" not in [name for name, _ in stages]
    assert {"scratch AS dependencies", "dependencies AS filled"} <= set(dockerfile.all("FROM"))
    (emptied,) = [rest for kind, rest in dockerfile.stage("python") if kind == "RUN"]
    assert {"ensurepip", "site-packages/*", "/usr/local/bin/pip*"} <= set(re.split(r"[ ;]+", emptied))


def test_what_is_built_bears_one_date(service: str) -> None:
    """Whoever builds the image twice gets the same layers."""
    dockerfile = _Dockerfile(service)
    for stage in ("python", "packages", "code", "listed"):
        built = " ".join(rest for kind, rest in dockerfile.stage(stage) if kind == "RUN")
        assert f"touch -hcd @{images.EPOCH}" in built.split(";")[-1], stage
    compiled = [part for run in dockerfile.all("RUN") for part in run.split(";") if "compileall" in part]
    assert len(compiled) == 3
    assert all("--invalidation-mode unchecked-hash" in part for part in compiled)


def test_an_image_tells_what_it_is(service: str) -> None:
    (labels,) = _Dockerfile(service).all("LABEL")
    values = dict(label.split("=", 1) for label in shlex.split(labels))
    names = ("title", "description", "version", "revision", "source", "created", "licenses")
    assert values.keys() == {f"org.opencontainers.image.{name}" for name in names}
    assert values["org.opencontainers.image.title"] == f"locution-{service}"
    assert values["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_the_libraries_are_loaded_and_the_packages_listed_before_an_image_exists(service: str) -> None:
    """The last stage takes the list from a stage that needs the result of the check."""
    dockerfile = _Dockerfile(service)
    (check,) = [rest for kind, rest in dockerfile.stage("loaded") if kind == "RUN"]
    assert 'python /check/libraries.py "${ACCELERATOR}" > /tmp/loaded.txt && ' in check
    (listing,) = [rest for kind, rest in dockerfile.stage("listed") if kind == "RUN"]
    assert "--mount=type=bind,from=loaded,source=/tmp/loaded.txt" in listing
    assert "cyclonedx-py environment --no-validate --output-reproducible" in listing
    assert dockerfile.all("COPY")[-1].startswith("--from=listed ")


def test_there_is_one_base_image(service: str) -> None:
    dockerfile = _Dockerfile(service)
    assert _images(dockerfile.arguments()) == ["python:3.11-slim-bookworm"]
    assert dockerfile.all("FROM").count("${PYTHON_IMAGE} AS python") == 1
    bases = {rest.split()[0] for rest in dockerfile.all("FROM")}
    assert bases == {"${PYTHON_IMAGE}", "tools", "packages", "scratch", "dependencies", "filled"}


def test_without_an_accelerator_an_image_knows_nothing_of_cuda(service: str) -> None:
    """Whatever a lock names of NVIDIA is left out of an image for CPUs, and only one CUDA comes into one for GPUs."""
    dockerfile = _Dockerfile(service)
    assert dockerfile.arguments()["ACCELERATOR"] == "cpu"
    (install,) = [rest for kind, rest in dockerfile.stage("packages") if kind == "RUN"]
    (pattern,) = re.findall(r"grep -oE '([^']+)' wanted\.txt >> left-out\.txt", install)
    lock = (ROOT / "requirements" / f"{service}.lock").read_text(encoding="utf-8")
    left_out = {found.group() for found in re.finditer(pattern, lock, re.MULTILINE)}
    assert bool(left_out) == (service == "diarizer")
    assert {name for name in PIN.findall(lock) if re.search("nvidia|cuda|triton", name)} == left_out


def test_each_engine_brings_the_cuda_that_it_was_built_for() -> None:
    """CTranslate2 was built for CUDA 12, torch for CUDA 13; no lock holds both."""
    locks = {
        name: (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8") for name in ("asr-cuda", "diarizer")
    }
    names = {name: set(PIN.findall(text)) for name, text in locks.items()}
    assert "nvidia-cublas-cu12" in names["asr-cuda"]
    assert all(re.match(r"nvidia-[a-z-]+-cu12$", name) for name in names["asr-cuda"])
    assert "nvidia-cublas" in names["diarizer"]
    assert not [name for name in names["diarizer"] if name.endswith("-cu12")]


def test_the_chart_runs_what_the_image_runs(installation: Installation) -> None:
    for component in COMPONENTS:
        for container in containers(installation.get("Deployment", component)):
            if container["name"] == "make-bucket":
                continue
            service = container["image"].rpartition("/")[2].partition(":")[0].removesuffix("-cuda")
            assert container["command"][:3] == ["python", "-m", f"locution_{service}"]
            (entry,) = _Dockerfile(service).all("ENTRYPOINT")
            (launcher,) = [run for run in _Dockerfile(service).all("RUN") if "printf" in run]
            assert f"/opt/locution/bin/{yaml.safe_load(entry)[0]}" in launcher
            assert f'exec python -m locution_%s "$@"\\n\' "{service}"' in launcher
            ports = {str(port["containerPort"]) for port in container.get("ports", [])}
            assert ports <= set(_Dockerfile(service).all("EXPOSE")[0].split())


def _named_images() -> list[tuple[str, str]]:
    found = [(service, image) for service in images.SERVICES for image in _images(_Dockerfile(service).arguments())]
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
    assert taken == {"deploy/images/*.py", "protos/gen/python/**", "requirements/*.lock", "services/**"}
    assert Path("**/__pycache__").as_posix() in rules
