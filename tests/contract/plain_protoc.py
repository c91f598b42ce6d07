"""Plain protoc, as a user's own would be: `python -m grpc_tools.protoc` adds an include path, its function does not."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

PROTOS = Path(__file__).resolve().parents[2] / "protos"
PLAIN_PROTOC = "import sys; from grpc_tools import protoc; sys.exit(protoc.main(sys.argv))"


def compile_protos(folder: Path, *, source_info: bool = False) -> dict[str, FileDescriptorProto]:
    """Compile every proto below `folder` with `-I folder` alone; warnings count as faults."""
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        image = Path(scratch) / "image.binpb"
        command = [sys.executable, "-c", PLAIN_PROTOC, f"-I{folder}", "--include_imports", f"-o{image}"]
        command += ["--include_source_info"] if source_info else []
        done = subprocess.run([*command, *names], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        files = FileDescriptorSet.FromString(image.read_bytes()).file
    return {file.name: file for file in files}
