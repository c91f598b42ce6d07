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
import render_proto
from google.protobuf import descriptor_pb2, duration_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from locution.v1 import system_service_pb2, system_service_pb2_grpc

from tests.contract import go_toolchain
from tests.contract.plain_protoc import PROTOS, compile_protos

EDITIONS = """\
edition = "2023";
package sample;
option features.field_presence = IMPLICIT;
enum Open { OPEN_ZERO = 0; OPEN_NEGATIVE = -1 [deprecated = true]; reserved 3 to 5, 7, 9 to max; }
message Sample {
  reserved 2, 4 to 6, 1000 to max;
  string text = 1 [json_name = "TEXT"];
  repeated int32 plain = 3 [features.repeated_field_encoding = EXPANDED];
  map<string, Sample> by_name = 7;
  oneof choice { bytes raw = 8; double number = 9; }
}
"""
PROTO2 = """\
syntax = "proto2";
package sample;
import public "google/protobuf/any.proto";
message Defaults {
  extensions 100 to 199, 500;
  required string quoted = 1 [default = "a \\"quote\\", \\303\\251 and \\n"];
  optional bytes raw = 2 [default = "\\000\\377"];
  optional double huge = 3 [default = inf];
  optional bool yes = 4 [default = true, deprecated = true];
  extend Defaults { repeated uint64 many = 100 [packed = true]; }
}
"""


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


def test_rendered_validation_rules_keep_their_expressions(bundle: Path) -> None:
    wheel = FileDescriptorSet.FromString(generate.validate_descriptors())
    original = next(file for file in wheel.file if file.name == generate.VALIDATE)
    compiled = compile_protos(bundle)[generate.VALIDATE]
    assert _bare(compiled) == _bare(original)
    assert b"float.gt_lt_exclusive" in compiled.SerializeToString()


def test_every_proto_survives_rendering(tmp_path: Path) -> None:
    """Comments aside: what is copied in the bundle could as well be rendered."""
    files = _originals()
    for file in files.file:
        _write(tmp_path, file.name, render_proto.file_text(file, files.file))
    compiled = compile_protos(tmp_path)
    assert [file.name for file in files.file if _bare(compiled[file.name]) != _bare(file)] == []


@pytest.mark.parametrize("text", [EDITIONS, PROTO2], ids=["editions", "proto2"])
def test_other_syntaxes_survive_rendering(text: str, tmp_path: Path) -> None:
    _write(tmp_path / "in", "sample.proto", text)
    _write(tmp_path / "in", "google/protobuf/any.proto", _installed("google/protobuf/any.proto"))
    files = compile_protos(tmp_path / "in")
    for file in files.values():
        _write(tmp_path / "out", file.name, render_proto.file_text(file, files.values()))
    assert _bare(compile_protos(tmp_path / "out")["sample.proto"]) == _bare(files["sample.proto"])


def test_a_group_is_refused() -> None:
    file = FileDescriptorProto(name="group.proto", package="sample")
    message = file.message_type.add(name="Outer")
    message.nested_type.add(name="Inner")
    message.field.add(
        name="inner",
        number=1,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
        type=FieldDescriptorProto.TYPE_GROUP,
        type_name=".sample.Outer.Inner",
    )
    with pytest.raises(render_proto.UnrenderableError, match="inner is a group"):
        render_proto.file_text(file, [])


def test_an_option_that_no_import_defines_is_refused() -> None:
    file = FileDescriptorProto(name="option.proto")
    file.message_type.add(name="Sample").options.MergeFrom(
        descriptor_pb2.MessageOptions.FromString(bytes([0xC2, 0x3E, 0x01, 0x00]))
    )
    with pytest.raises(render_proto.UnrenderableError, match="MessageOptions holds an option"):
        render_proto.file_text(file, [])


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


def _write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _installed(name: str) -> str:
    return (generate.SITE / "grpc_tools" / "_proto" / name).read_text(encoding="utf-8")
