"""`load` copies models from the object store to the models root: whole folders, and nothing on the disk is touched."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from locution_common.objects import ObjectStore, open_store
from locution_registry import load as loading
from locution_registry.domain.errors import ModelPathInvalid
from locution_registry.domain.models import ModelPath
from locution_registry.load import LOADING, LoadSettings, NoRoom, load, place

from tests.support.s3 import S3Server, bucket, s3

__all__ = ["bucket", "s3"]

BASE = ModelPath("whisper", "base")
Put = Callable[[str, bytes], None]


@pytest.fixture
def put(s3: S3Server, bucket: str) -> Put:
    """Store an object below models/."""

    def store(key: str, data: bytes) -> None:
        s3.client.put_object(bucket, f"models/{key}", io.BytesIO(data), len(data))

    return store


@pytest.fixture
def environment(s3: S3Server, bucket: str, models: Path) -> dict[str, str]:
    return {
        "LOCUTION_S3_ENDPOINT": s3.endpoint,
        "LOCUTION_S3_ACCESS_KEY": s3.access_key,
        "LOCUTION_S3_SECRET_KEY": s3.secret_key,
        "LOCUTION_S3_BUCKET": bucket,
        "LOCUTION_S3_SECURE": "false",
        "LOCUTION_MODELS_ROOT": str(models),
    }


@pytest.fixture
async def store(environment: dict[str, str]) -> AsyncIterator[ObjectStore]:
    values = {name.removeprefix("LOCUTION_").lower(): value for name, value in environment.items()}
    async with open_store(LoadSettings.model_validate(values)) as store:
        yield store


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


async def test_folders_come_whole_with_what_lies_below_them(store: ObjectStore, put: Put, models: Path) -> None:
    weights = bytes(range(256)) * 40_000
    put("whisper/base/model.bin", weights)
    put("whisper/base/more/config.json", b"{}")
    put("pyannote/segmentation/config.yaml", b"a: 1")
    outcome = await load(store, "models/", models)
    assert outcome.copied == [ModelPath("pyannote", "segmentation"), BASE]
    assert files(models) == {
        "pyannote/segmentation/config.yaml": b"a: 1",
        "whisper/base/model.bin": weights,
        "whisper/base/more/config.json": b"{}",
    }
    again = await load(store, "models/", models)
    assert (again.copied, again.present) == ([], outcome.copied)


async def test_what_is_on_the_disk_stays(store: ObjectStore, put: Put, models: Path) -> None:
    put("whisper/base/model.bin", b"of the store")
    mine = models / "whisper" / "base" / "model.bin"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    outcome = await load(store, "models/", models)
    assert (outcome.copied, outcome.differing) == ([], [BASE])
    assert files(models) == {"whisper/base/model.bin": b"mine"}


async def test_a_copy_that_was_cut_off_is_no_model_and_is_made_again(
    store: ObjectStore, put: Put, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("whisper/base/a.bin", b"first")
    put("whisper/base/b.bin", b"second")
    with monkeypatch.context() as context:
        context.setattr(loading, "PART_SIZE", 0)  # an argument that ends the copy of the first file
        with pytest.raises(ValueError, match="must not be zero"):
            await load(store, "models/", models)
    assert not (models / "whisper").exists()
    (models / LOADING / "whisper" / "base" / "stale.bin").write_bytes(b"of the copy before")
    await load(store, "models/", models)
    assert set(files(models)) == {"whisper/base/a.bin", "whisper/base/b.bin"}
    assert not (models / LOADING).exists()


@pytest.mark.parametrize("key", ["README.md", "whisper/base", "whisper/.hidden/model.bin", "a b/c/d"])
async def test_what_is_no_file_of_a_model_is_left_out(store: ObjectStore, put: Put, models: Path, key: str) -> None:
    put("whisper/base/model.bin", b"1")
    put(key, b"2")
    outcome = await load(store, "models/", models)
    assert outcome.copied == [BASE]
    assert set(files(models)) == {"whisper/base/model.bin"}


@pytest.mark.parametrize(
    "key", ["whisper/../up/a", "whisper/base/../../a", "whisper/base//a", "whisper/base/./a", "/a/b/c"]
)
def test_no_key_leaves_its_folder(key: str) -> None:
    with pytest.raises(ModelPathInvalid):
        place(key)


async def test_a_volume_that_is_too_small_gets_nothing(
    store: ObjectStore, put: Put, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("whisper/base/model.bin", b"12345")
    free = type("Usage", (), {"free": 4})
    monkeypatch.setattr("shutil.disk_usage", lambda _: free)  # a disk cannot be filled here
    with pytest.raises(NoRoom, match=r"need 5 bytes.* 4 free"):
        await load(store, "models/", models)
    assert files(models) == {}


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "locution_registry", "load", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50, check=False)


def test_the_command(environment: dict[str, str], put: Put, models: Path) -> None:
    empty = run(environment)
    assert empty.returncode == 0
    assert "there are no models under this prefix" in empty.stdout + empty.stderr
    put("whisper/base/model.bin", b"1")
    assert run(environment).returncode == 0
    assert files(models) == {"whisper/base/model.bin": b"1"}
    put("whisper/base/model.bin", b"22")
    differing = run(environment)
    assert differing.returncode == 1
    assert "load under another name" in differing.stdout + differing.stderr
    assert "LOCUTION_MODELS_PREFIX" in run({}, "--help").stdout


def test_a_store_that_is_not_there_is_said(environment: dict[str, str]) -> None:
    done = run({**environment, "LOCUTION_S3_ENDPOINT": "127.0.0.1:1"})
    assert done.returncode == 1
    assert "locution_registry load: the object store cannot be reached" in done.stderr
