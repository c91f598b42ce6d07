"""What the contract tests share: the protos' descriptors and the exporter's modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from tests.contract.plain_protoc import PROTOS, compile_protos

sys.path.insert(0, str(PROTOS))  # generate and export are scripts beside the protos, not a package


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export the bundle as `make export-protos` does."""
    folder = tmp_path_factory.mktemp("export") / "bundle"
    subprocess.run([sys.executable, str(PROTOS / "export.py"), str(folder)], check=True, timeout=60)
    return folder


@pytest.fixture(scope="session")
def documented(bundle: Path) -> list[descriptor_pb2.FileDescriptorProto]:
    """Return the descriptors of Locution's own protos, comments included."""
    files = compile_protos(bundle, source_info=True)
    return [file for name, file in files.items() if name.startswith("locution/")]
