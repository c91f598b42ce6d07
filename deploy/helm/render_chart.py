"""Render the chart with helm, and keep the committed examples under `rendered/` current.

`python deploy/helm/render_chart.py` rewrites the examples; a test compares them with what the chart gives now.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import helm_tools
import yaml

HERE = Path(__file__).resolve().parent
CHART = HERE / "locution"
EXAMPLES = HERE / "rendered"
RELEASE, NAMESPACE = "locution", "locution"
KUBERNETES = "1.35.0"
SECONDS = 60

# Values that secrets.generate draws in the chart's Secret; other values have other lengths or characters.
_RANDOM = re.compile(r'^  [a-z-]+: "([A-Za-z0-9]{40}|[A-Za-z0-9]{20})"$', re.MULTILINE)
_CHECKSUM = re.compile(r"checksum/secret: [0-9a-f]{64}")

Manifest = dict[str, Any]


class HelmError(Exception):
    """An error of helm, with its message."""


@cache
def program() -> str:
    """Return the path of helm, installing it on first use."""
    return str(helm_tools.install("helm"))


def values_files() -> list[Path]:
    """Return every values file of the chart except its defaults."""
    return sorted([*CHART.glob("values-*.yaml"), *(CHART / "ci").glob("*.yaml")])


def helm(*arguments: str) -> str:
    """Run helm and return its output. Raises HelmError."""
    done = subprocess.run([program(), *arguments], capture_output=True, text=True, timeout=SECONDS)
    if done.returncode != 0:
        raise HelmError(done.stdout + done.stderr)
    return done.stdout


def template(values: Path, changes: Mapping[str, object] | None = None, *, checked: bool = True) -> str:
    """Return the chart's manifests as text; `changes` are JSON values by dotted path. Raises HelmError."""
    arguments = ["template", RELEASE, str(CHART), "--namespace", NAMESPACE, "--values", str(values)]
    arguments += ["--kube-version", KUBERNETES]
    for path, value in (changes or {}).items():
        arguments += ["--set-json", f"{path}={json.dumps(value)}"]
    return helm(*arguments, *([] if checked else ["--skip-schema-validation"]))


def manifests(text: str) -> list[Manifest]:
    """Return the manifests of a rendered text."""
    return [document for document in yaml.safe_load_all(text) if document]


def settled(text: str) -> str:
    """Return a rendered text with random values replaced by placeholders."""
    drawn = set(_RANDOM.findall(text))
    if not drawn:
        return text
    for value in drawn:
        text = text.replace(value, f"{len(value)}-random-characters")
    return _CHECKSUM.sub("checksum/secret: of-random-characters", text)


def example(values: Path) -> Path:
    """Return the path of the example of a values file."""
    return EXAMPLES / f"{values.stem}.yaml"


def main() -> int:
    """Rewrite every example."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    rendered = {example(values): settled(template(values)) for values in values_files()}
    EXAMPLES.mkdir(exist_ok=True)
    for stale in set(EXAMPLES.glob("*.yaml")) - set(rendered):
        stale.unlink()
    for path, text in rendered.items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(HERE)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
