"""`make images`: the commands for docker and buildah, and the message where neither is installed."""

from __future__ import annotations

import stat
from pathlib import Path

import images
import pytest
from images import Source, Wanted

SOURCE = Source("0.1.0", "abc123", 1_760_000_000)
CODE = "https://example.com/locution"
WANTED = Wanted(("asr",), "0.1.0", "registry.example.com/speech", "cuda", "python:3.11@sha256:0", "host", CODE)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty folder that is the only one on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(path: Path, name: str) -> str:
    """Put a program on the PATH."""
    file = path / name
    file.write_text("#!/bin/sh\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


def test_buildah_dates_the_image_and_its_files() -> None:
    command = images.build_command("/usr/bin/buildah", WANTED, "asr", SOURCE)
    assert command == [
        *["/usr/bin/buildah", "build", "--layers", "--timestamp", "315532800"],
        *["--tag", "registry.example.com/speech/locution/asr-cuda:0.1.0", "--file", "services/Dockerfile"],
        *["--network", "host", "--build-arg", "SERVICE=asr", "--build-arg", "ACCELERATOR=cuda"],
        *["--build-arg", "PYTHON_IMAGE=python:3.11@sha256:0", "--build-arg", "VERSION=0.1.0"],
        *["--build-arg", "REVISION=abc123", "--build-arg", "SOURCE=https://example.com/locution"],
        *["--build-arg", "CREATED=2025-10-09T08:53:20Z", "."],
    ]


def test_docker_gets_the_date_as_an_argument() -> None:
    command = images.build_command("docker", Wanted(("gateway",), "1"), "gateway", SOURCE)
    assert command[:4] == ["docker", "build", "--build-arg", "SOURCE_DATE_EPOCH=315532800"]
    assert "--network" not in command
    assert not [part for part in command if part.startswith("PYTHON_IMAGE")]


@pytest.mark.parametrize(
    ("service", "name", "accelerator"),
    [
        ("asr", "locution/asr-cuda:7", "cuda"),
        ("diarizer", "locution/diarizer-cuda:7", "cuda"),
        ("gateway", "locution/gateway:7", "cpu"),
        ("registry", "locution/registry:7", "cpu"),
    ],
)
def test_only_engines_are_built_for_gpus(service: str, name: str, accelerator: str) -> None:
    wanted = Wanted(images.SERVICES, "7", accelerator="cuda")
    assert wanted.name(service) == name
    assert f"ACCELERATOR={accelerator}" in images.build_command("docker", wanted, service, SOURCE)


def test_all_services_are_built_by_default_at_the_version_of_the_code() -> None:
    wanted, engine, shown = images.parse([])
    assert wanted == Wanted(("gateway", "registry", "asr", "diarizer"), "0.1.0")
    assert (engine, shown) == ("", False)


def test_an_unknown_service_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        images.parse(["asr", "gatway"])
    assert "gatway: not a service. Services: gateway, registry, asr, diarizer." in capsys.readouterr().err


def test_docker_comes_before_buildah_and_either_can_be_chosen(path: Path) -> None:
    docker, buildah = program(path, "docker"), program(path, "buildah")
    assert images.engine_program("") == docker
    assert images.engine_program("buildah") == buildah


def test_without_an_engine_the_message_says_what_is_needed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert images.main(["asr"]) == 1
    assert (
        "Neither docker nor buildah is installed. Images need docker with BuildKit, or buildah."
        in capsys.readouterr().err
    )
    program(path, "docker")
    assert images.main(["asr", "--engine", "buildah"]) == 1
    assert capsys.readouterr().err.startswith("buildah is not installed.")


def test_show_prints_the_commands_and_builds_nothing(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    docker = program(path, "docker")
    assert images.main(["--show", "registry", "asr", "--tag", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.startswith(f"{docker} build ") for line in lines] == [True, True]
    assert "--tag locution/registry:2" in lines[0]
    assert "--tag locution/asr:2" in lines[1]


def test_a_build_that_fails_is_an_error(path: Path) -> None:
    false = path / "docker"
    false.write_text("#!/bin/sh\nexit 3\n")
    false.chmod(0o755)
    with pytest.raises(images.ImagesError, match="The build failed: "):
        images.timed_build([str(false)])


def test_without_git_the_labels_say_that_the_source_is_unknown(path: Path) -> None:
    assert images.read_source() == Source("0.1.0")
