"""Fetch the custom resource definitions that tests of the chart check objects against: `python deploy/helm/crds.py`.

It needs Go and a module proxy. The modules have pinned versions, checked against pinned digests. Their definitions are
kept under `tools/` of the state folder and used from there.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from go_tools import GoModule
from helm_tools import ToolsError, state_folder

FETCH_SECONDS: Final = 300
FOLDER: Final = state_folder() / "tools" / "crds"


@dataclass(frozen=True, slots=True)
class Source:
    """A Go module with definitions, and where they lie in it."""

    module: GoModule
    pattern: str

    @property
    def folder(self) -> Path:
        """Return where its definitions are, or would be."""
        return FOLDER / f"{self.module.path.replace('/', '_')}-{self.module.version}"


GATEWAY_API: Final = GoModule("sigs.k8s.io/gateway-api", "v1.6.3", "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc=")
CERT_MANAGER: Final = GoModule(
    "github.com/cert-manager/cert-manager", "v1.21.2", "h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68="
)
ARGO_CD: Final = GoModule("github.com/argoproj/argo-cd/v3", "v3.2.1", "h1:rvrkW/JdH4V+xJgNDZI9wa/Ygd+fWoGbd1rAhvno22c=")
KEDA: Final = GoModule("github.com/kedacore/keda/v2", "v2.20.2", "h1:SR60v8uIcelbveS8n/1jcl8tLdBBIbHMxmdOHw8tKqA=")
SOURCES: Final = (
    Source(GATEWAY_API, "config/crd/standard/*.yaml"),
    Source(CERT_MANAGER, "deploy/crds/*.yaml"),
    Source(KEDA, "config/crd/bases/keda.sh_*.yaml"),
    Source(ARGO_CD, "manifests/crds/application-crd.yaml"),
)


def install() -> list[Path]:
    """Return the folders of the definitions, fetching those that are missing. Raises ToolsError."""
    for source in SOURCES:
        if not source.folder.exists():
            _fetch(source)
    return [source.folder for source in SOURCES]


def schemas() -> dict[tuple[str, str], dict[str, Any]]:
    """Return the schema of each fetched definition by apiVersion and kind; none that is not served."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path in (path for source in SOURCES for path in source.folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if document and document["kind"] == "CustomResourceDefinition":
                found |= _versions(document["spec"])
    return found


def _versions(spec: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (f"{spec['group']}/{version['name']}", spec["names"]["kind"]): version["schema"]["openAPIV3Schema"]
        for version in spec["versions"]
        if version["served"]
    }


def _fetch(source: Source) -> None:
    """Copy the definitions out of the module after checking its digest."""
    at = source.module.download(FOLDER, FETCH_SECONDS)
    partial = source.folder.with_name(f"{source.folder.name}.partial")
    partial.mkdir(exist_ok=True)
    for path in at.glob(source.pattern):
        shutil.copyfile(path, partial / path.name)
    partial.rename(source.folder)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    try:
        sys.stdout.writelines(f"{folder}\n" for folder in install())
    except ToolsError as error:
        raise SystemExit(str(error)) from None
