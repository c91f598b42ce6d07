"""Export a self-contained bundle of protos: `python protos/export.py DIR`.

A client in another language compiles from the bundle with protoc and `-I DIR` alone.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import generate

ROOTS = (generate.ROOT, generate.SITE, generate.SITE / "grpc_tools" / "_proto")

README = """\
# Locution's protos

Everything that a client needs: Locution's own protos, and those of google and protovalidate that they import.

    protoc -I . --<language>_out=OUT $(find locution -name '*.proto')

Only `locution/v1` is public. `locution/engine/v1` and `locution/registry/v1` are what the services say to each other.
The files name no package of a target language: map them on the command line, for example in Go with
`--go_opt=Mlocution/v1/job_service.proto=example.com/you/locutionv1`. Languages that generate one module for each file
need modules for `buf/validate/validate.proto` and for `status.proto` and `code.proto` of `google/rpc` too.
"""


def export(target: Path) -> list[str]:
    """Write the bundle and return the names of its protos; a bundle that was there before is replaced."""
    names = [file.name for file in generate.image().file]
    for top in ("locution", "google", "buf"):
        shutil.rmtree(target / top, ignore_errors=True)
    for name in names:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(next(root / name for root in ROOTS if (root / name).is_file()), path)
    (target / "README.md").write_text(README, encoding="utf-8")
    return names


def replaceable(target: Path) -> bool:
    """Tell whether a folder is absent, empty or an earlier bundle, so that no other files are overwritten."""
    if not target.exists():
        return True
    known = {"locution", "google", "buf", "README.md"}
    names = {path.name for path in target.iterdir()} if target.is_dir() else {""}
    return not names or (names <= known and (target / "locution" / "v1").is_dir())


def main() -> int:
    """Export to the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the bundle is written; absent, empty, or an earlier bundle")
    folder = parser.parse_args().folder.expanduser().resolve()
    if not replaceable(folder):
        print(f"{folder} holds something else: name an absent or empty folder", file=sys.stderr)
        return 2
    print(f"wrote {len(export(folder))} protos to {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
