"""The script that makes the evaluation bucket, as the chart hands it over, against a real S3 server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import render_chart as render

from tests.chart.manifests import Installation, containers, environment
from tests.support.s3 import S3Server, s3  # noqa: F401 - a fixture

BUCKET = "chart-evaluation"


def test_the_bucket_is_made_once(s3: S3Server, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    installation = Installation.render(render.CHART / "values-evaluation.yaml")
    step = next(one for one in containers(installation.get("Deployment", "api")) if one["name"] == "make-bucket")
    secrets = {"LOCUTION_S3_ACCESS_KEY": s3.access_key, "LOCUTION_S3_SECRET_KEY": s3.secret_key}
    here = {"LOCUTION_S3_ENDPOINT": s3.endpoint, "LOCUTION_S3_BUCKET": BUCKET}
    for name, value in secrets.items():
        (tmp_path / name).write_text(value + "\n", encoding="utf-8")
        here[f"{name}_FILE"] = str(tmp_path / name)
    assert here.keys() <= environment(step).keys()
    variables = {"PATH": os.environ["PATH"], **environment(step), **here}
    for _ in range(2):
        subprocess.run([sys.executable, *step["command"][1:]], env=variables, check=True, timeout=30)
    assert s3.client.bucket_exists(BUCKET)
