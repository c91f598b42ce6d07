"""Generate the code and pages that derive from the protos, check that they are current, and lint the protos.

It generates the Python stubs, the enum of reasons, and the reference page of errors.

The protos import Google's and protovalidate's files. Google's come with googleapis-common-protos and grpcio-tools.
Protovalidate's wheel does not contain its proto: `buf/validate/validate.proto` is a copy from its release 1.2.2.
"""

from __future__ import annotations

import argparse
import filecmp
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import render_reasons
from google.protobuf import descriptor_pb2

ROOT = Path(__file__).resolve().parent
OUT = ROOT / "gen" / "python"
PAGE = ROOT.parent / "docs" / "reference" / "errors.md"
SITE = Path(sysconfig.get_paths()["purelib"])
BIN = Path(sys.executable).parent
VALIDATE = "buf/validate/validate.proto"
# FileDescriptorProto extension 8042, {is_import: true}: tells buf not to lint a file of the image.
IS_IMPORT = bytes([0xD2, 0xF6, 0x03, 0x02, 0x08, 0x01])


def proto_files() -> list[str]:
    """Return the paths of all of Locution's protos, relative to the proto root."""
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "locution").rglob("*.proto"))


def protoc(*arguments: str) -> None:
    """Run protoc over files of the proto root. Raises CalledProcessError when protoc rejects them."""
    plugins = [f"--plugin={name}={BIN / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
    include = [f"-I{ROOT}", f"-I{SITE}", f"-I{SITE / 'grpc_tools' / '_proto'}"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *include, *plugins, *arguments], check=True)


def image(*options: str) -> descriptor_pb2.FileDescriptorSet:
    """Return the descriptors of Locution's protos and of everything they import."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "image.binpb"
        protoc("--include_imports", *options, f"-o{target}", *proto_files())
        return descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes())


def generate(out: Path, page: Path) -> None:
    """Write the stubs of all protos and the catalogue of reasons below `out`, and the page of errors to `page`."""
    messages = [f"--python_out={out}", f"--mypy_out={out}"]
    services = [f"--grpc_python_out={out}", f"--mypy_grpc_out=only_async:{out}"]
    protoc(*messages, *services, *proto_files())
    protoc(*messages, VALIDATE)
    for package in ("locution", "buf"):
        for folder in [out / package, *(p for p in (out / package).rglob("*") if p.is_dir())]:
            (folder / "py.typed").touch()
    for empty in (out / "locution").rglob("*_pb2_grpc.py*"):
        if not has_service(empty):
            empty.unlink()
    catalogue = render_reasons.read(image("--include_source_info"))
    (out / "locution" / "reasons" / "v1" / "catalogue.py").write_text(
        render_reasons.module(catalogue), encoding="utf-8"
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render_reasons.page(catalogue), encoding="utf-8")


def has_service(stub: Path) -> bool:
    """Tell whether the proto behind a gRPC stub declares a service."""
    proto = stub.name.split("_pb2_grpc")[0] + ".proto"
    folder = ROOT / "locution" / stub.parent.relative_to(next(p for p in stub.parents if p.name == "locution"))
    return "\nservice " in (folder / proto).read_text()


def differing(left: Path, right: Path) -> list[str]:
    """Return the generated files that differ between two folders or exist in only one."""
    names = {
        str(p.relative_to(base))
        for base in (left, right)
        for pattern in ("*_pb2*.py*", "catalogue.py")
        for p in base.rglob(pattern)
        if "__pycache__" not in p.parts
    }
    same, _, _ = filecmp.cmpfiles(left, right, names, shallow=False)
    return sorted(names - set(same))


def command_gen(_: argparse.Namespace) -> int:
    """Replace the committed files."""
    for package in ("locution", "buf"):
        shutil.rmtree(OUT / package, ignore_errors=True)
    generate(OUT, PAGE)
    return 0


def command_check(_: argparse.Namespace) -> int:
    """Check that the committed files are current."""
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / PAGE.name
        generate(Path(scratch), page)
        stale = differing(Path(scratch), OUT)
        if not (PAGE.is_file() and filecmp.cmp(page, PAGE, shallow=False)):
            stale.append(str(PAGE.relative_to(ROOT.parent)))
    for name in stale:
        print(f"stale: {name}; run `make gen` and commit the result", file=sys.stderr)
    return 1 if stale else 0


def command_lint(_: argparse.Namespace) -> int:
    """Run buf lint over an image of the protos."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "image.binpb"
        target.write_bytes(marked(image("--include_source_info")))
        command = [str(BIN / "buf"), "lint", str(target), "--config", str(ROOT.parent / "buf.yaml")]
        return subprocess.run(command).returncode


def marked(files: descriptor_pb2.FileDescriptorSet) -> bytes:
    """Return a descriptor set in which every file that is not Locution's is marked as an import."""
    result = descriptor_pb2.FileDescriptorSet()
    for file in files.file:
        mark = b"" if file.name.startswith("locution/") else IS_IMPORT
        result.file.add().ParseFromString(file.SerializeToString() + mark)
    return result.SerializeToString()


def main() -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, action in (("gen", command_gen), ("check", command_check), ("lint", command_lint)):
        commands.add_parser(name, help=action.__doc__).set_defaults(action=action)
    arguments = parser.parse_args()
    return int(arguments.action(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
