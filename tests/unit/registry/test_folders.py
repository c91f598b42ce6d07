"""Nothing outside of a model's folder is ever reached."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest
from locution_registry.adapters import folders as folders_module
from locution_registry.adapters.folders import BLOCK_BYTES, LocalFolders, local_folders
from locution_registry.domain.errors import ModelLayoutInvalid, ModelPathInvalid, ModelsRootUnavailable
from locution_registry.domain.models import ModelPath, Stamp

from tests.unit.registry.models_on_disk import write_whisper

PATH = ModelPath.parse("set/model")


@pytest.fixture
def folder(disk: LocalFolders, tmp_path: Path) -> Path:
    """The folder of a whole model."""
    return write_whisper(tmp_path / "models" / "set" / "model")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A whole model beside the models root, with a secret."""
    folder = write_whisper(tmp_path / "elsewhere" / "model")
    (folder / "secret").write_text("secret")
    return folder


async def test_files_are_digested_below_the_folder(disk: LocalFolders, folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "x").write_bytes(b"x" * (3 * BLOCK_BYTES + 5))
    found = (await disk.inspect(PATH)).files
    assert [file.path for file in found] == [
        "config.json",
        "model.bin",
        "sub/x",
        "tokenizer.json",
        "vocabulary.txt",
    ]
    for file in found:
        content = (folder / file.path).read_bytes()
        assert (file.size_bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert file.modified_ns == (folder / file.path).stat().st_mtime_ns
    assert await disk.digest(PATH) == found
    assert await disk.stamps(PATH) == {file.path: file.stamp for file in found}


async def test_hidden_entries_are_no_part_of_it(disk: LocalFolders, folder: Path, outside: Path) -> None:
    before = await disk.digest(PATH)
    (folder / ".cache").symlink_to(outside)
    (folder / ".gitattributes").write_text("x")
    assert await disk.digest(PATH) == before


@pytest.mark.parametrize("depth", ["set", "model", "file", "folder", "dangling", "inside"])
async def test_links_are_refused(disk: LocalFolders, tmp_path: Path, outside: Path, depth: str) -> None:
    models = tmp_path / "models"
    if depth == "set":
        (models / "set").symlink_to(outside.parent)
    elif depth == "model":
        (models / "set").mkdir()
        (models / "set" / "model").symlink_to(outside)
    else:
        folder = write_whisper(models / "set" / "model")
        target = {
            "file": outside / "secret",
            "folder": outside,
            "dangling": tmp_path / "no",
            "inside": Path("model.bin"),
        }
        (folder / "link").symlink_to(target[depth])
    for look in (disk.inspect, disk.digest, disk.stamps):
        with pytest.raises(ModelPathInvalid, match="link"):
            await look(PATH)


async def test_a_file_that_becomes_a_link_while_it_is_read_is_not_followed(
    disk: LocalFolders, folder: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = folders_module._digest_all

    def swap(*arguments: object) -> object:
        (folder / "model.bin").unlink()
        (folder / "model.bin").symlink_to(outside / "secret")
        return whole(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(folders_module, "_digest_all", swap)
    with pytest.raises(ModelLayoutInvalid, match=r"model\.bin cannot be read"):
        await disk.inspect(PATH)


async def test_a_file_that_changes_while_it_is_read_is_refused(
    disk: LocalFolders, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = folders_module._digest_all

    def swap(*arguments: object) -> object:
        with (folder / "model.bin").open("ab") as file:
            file.write(b"more")
        return whole(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(folders_module, "_digest_all", swap)
    with pytest.raises(ModelLayoutInvalid, match=r"model\.bin changed while it was read"):
        await disk.inspect(PATH)


@pytest.mark.parametrize("name", ["new\nline", "back\\slash", os.fsdecode(b"\xff\xfe"), "esc\x1b[2J"])
async def test_odd_names_are_refused(disk: LocalFolders, folder: Path, name: str) -> None:
    (folder / name).write_text("x")
    with pytest.raises(ModelPathInvalid, match="not plain text"):
        await disk.stamps(PATH)


async def test_pipes_and_sockets_are_refused_without_being_opened(disk: LocalFolders, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(ModelPathInvalid, match="pipe is no regular file"):
        await asyncio.wait_for(disk.inspect(PATH), 30)


async def test_too_many_files_are_refused(disk: LocalFolders, folder: Path) -> None:
    for number in range(300):
        (folder / f"f{number}").touch()
    with pytest.raises(ModelLayoutInvalid, match="more than 256"):
        await disk.stamps(PATH)


async def test_many_folders_of_few_files_are_refused_too(disk: LocalFolders, folder: Path) -> None:
    for number in range(100):
        (folder / f"d{number}").mkdir()
        for name in "abc":
            (folder / f"d{number}" / name).touch()
    with pytest.raises(ModelLayoutInvalid, match="more than 256"):
        await disk.stamps(PATH)


async def test_too_deep_folders_are_refused(disk: LocalFolders, folder: Path) -> None:
    (folder / "/".join("abcdefghijk")).mkdir(parents=True)
    with pytest.raises(ModelLayoutInvalid, match="folders deep"):
        await disk.stamps(PATH)


async def test_a_missing_folder_has_no_files(disk: LocalFolders) -> None:
    assert await disk.stamps(PATH) == {}
    assert await disk.digest(PATH) == ()
    with pytest.raises(ModelPathInvalid, match="no folder set/model"):
        await disk.inspect(PATH)


async def test_a_file_in_the_place_of_a_folder_is_refused(disk: LocalFolders, tmp_path: Path) -> None:
    (tmp_path / "models" / "set").write_text("no folder")
    with pytest.raises(ModelPathInvalid, match="not a folder in a folder"):
        await disk.inspect(PATH)


async def test_a_missing_root_says_nothing_about_models(tmp_path: Path) -> None:
    async with local_folders(tmp_path / "gone", 1) as folders:
        for look in (folders.inspect, folders.digest, folders.stamps):
            with pytest.raises(ModelsRootUnavailable):
                await look(PATH)
        with pytest.raises(ModelsRootUnavailable):
            await folders.probe()
        (tmp_path / "gone").mkdir()
        await folders.probe()


async def test_a_root_reached_by_a_link_is_the_operators_choice(tmp_path: Path) -> None:
    write_whisper(tmp_path / "real" / "set" / "model")
    (tmp_path / "models").symlink_to(tmp_path / "real")
    async with local_folders(tmp_path / "models", 1) as folders:
        assert len(await folders.digest(PATH)) == 4


async def test_memory_stays_flat_however_large_a_file_is(disk: LocalFolders, folder: Path) -> None:
    with (folder / "large").open("wb") as file:
        file.truncate(256 * BLOCK_BYTES)
    tracemalloc.start()
    try:
        files = await disk.digest(PATH)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert {file.path: file.stamp for file in files}["large"].size_bytes == 256 * BLOCK_BYTES
    assert peak < 4 * BLOCK_BYTES


async def test_the_loop_runs_on_while_a_folder_is_digested(disk: LocalFolders, folder: Path) -> None:
    with (folder / "large").open("wb") as file:
        file.truncate(128 * BLOCK_BYTES)
    digesting = asyncio.create_task(disk.digest(PATH))
    turns = 0
    while not digesting.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10


async def test_an_abandoned_digest_ends_early(tmp_path: Path) -> None:
    folder = write_whisper(tmp_path / "models" / "set" / "model")
    with (folder / "a-large-one").open("wb") as file:
        file.truncate(1024**4)
    async with local_folders(tmp_path / "models", 1) as folders:
        digesting = asyncio.create_task(folders.digest(PATH))
        await asyncio.sleep(0.05)
        digesting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await digesting
        (folder / "a-large-one").unlink()
        files = await asyncio.wait_for(folders.digest(PATH), 30)
    assert Stamp(0, 0) not in {file.stamp for file in files}
    assert len(files) == 4
