"""The exported bundle compiles alone, means what the originals mean, and serves a client in another language."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import generate
import grpc
import pytest
from google.protobuf import duration_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from locution.v1 import system_service_pb2, system_service_pb2_grpc

from tests.contract import go_toolchain
from tests.contract.plain_protoc import PROTOS, compile_protos


def _bare(file: FileDescriptorProto) -> bytes:
    """Return what a file means: its descriptor without positions, and without proto2's two spellings."""
    bare = FileDescriptorProto.FromString(file.SerializeToString())
    bare.ClearField("source_code_info")
    if bare.syntax == "proto2":
        bare.ClearField("syntax")
    return bare.SerializeToString(deterministic=True)


def _originals() -> FileDescriptorSet:
    return generate.image()


def test_the_bundle_compiles_alone_to_the_same_descriptors(bundle: Path) -> None:
    compiled = compile_protos(bundle)
    originals = {file.name: file for file in _originals().file}
    assert compiled.keys() == originals.keys()
    assert [name for name in compiled if _bare(compiled[name]) != _bare(originals[name])] == []


def test_the_bundle_holds_every_proto_of_locution(bundle: Path) -> None:
    exported = {str(path.relative_to(bundle)) for path in bundle.rglob("*.proto")}
    assert set(generate.proto_files()) <= exported
    assert generate.VALIDATE in exported


def test_the_copy_of_the_validation_rules_is_what_the_services_check_by(bundle: Path) -> None:
    """The wheel's descriptor differs in options of target languages alone."""
    from protovalidate._gen.buf.validate import validate_pb

    original = FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary())
    compiled = compile_protos(bundle)[generate.VALIDATE]
    assert b"float.gt_lt_exclusive" in compiled.SerializeToString()
    for file in (original, compiled):
        file.ClearField("options")
    assert _bare(compiled) == _bare(original)


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "google" / "notes.txt"
    precious.parent.mkdir()
    precious.write_text("mine")
    done = subprocess.run([sys.executable, str(PROTOS / "export.py"), str(tmp_path)], capture_output=True, timeout=60)
    assert done.returncode == 2
    assert precious.read_text() == "mine"


def test_an_export_can_be_repeated(bundle: Path) -> None:
    (bundle / "locution" / "v1" / "gone.proto").write_text('syntax = "proto3";')
    subprocess.run([sys.executable, str(PROTOS / "export.py"), str(bundle)], check=True, timeout=60)
    assert not (bundle / "locution" / "v1" / "gone.proto").exists()


class _System(system_service_pb2_grpc.SystemServiceServicer):
    """Answers as a gateway would, to whoever shows the key."""

    async def GetServerInfo(
        self, request: system_service_pb2.GetServerInfoRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> system_service_pb2.ServerInfo:
        assert ("authorization", "Bearer key") in list(context.invocation_metadata() or ())
        return system_service_pb2.ServerInfo(version="1.2.3", max_audio_duration=duration_pb2.Duration(seconds=3600))


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """Serve the system service and give its address."""
    server = grpc.aio.server()
    system_service_pb2_grpc.add_SystemServiceServicer_to_server(_System(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


@pytest.mark.timeout(300)  # the first run fetches and compiles gRPC's own packages
async def test_a_go_client_is_built_from_the_bundle_and_calls(bundle: Path, server: str, tmp_path: Path) -> None:
    if shutil.which("go") is None:
        pytest.skip("SKIPPED LOUDLY: no Go toolchain, so no client in another language was compiled")
    client = await asyncio.to_thread(go_toolchain.build, bundle, tmp_path)
    answer = json.loads(await asyncio.to_thread(go_toolchain.run, [str(client), server, "key"], tmp_path))
    assert answer == {"version": "1.2.3", "max_audio_seconds": 3600, "max_beam_size": 10}
