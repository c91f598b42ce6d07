"""The script that makes the evaluation bucket, as the chart hands it over, against a real S3 server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import render_chart as render

from tests.chart.manifests import Installation, containers, environment
from tests.support.s3 import S3Server, s3  # noqa: F401 - a fixture

BUCKET = "chart-evaluation"


Step = tuple[list[str], dict[str, str]]


@pytest.fixture
def step(s3: S3Server, tmp_path: Path) -> Step:  # noqa: F811 - the fixture
    """The command of the step, and its environment."""
    installation = Installation.render(render.CHART / "values-evaluation.yaml")
    made = next(one for one in containers(installation.get("Deployment", "api")) if one["name"] == "make-bucket")
    secrets = {"LOCUTION_S3_ACCESS_KEY": s3.access_key, "LOCUTION_S3_SECRET_KEY": s3.secret_key}
    here = {"LOCUTION_S3_ENDPOINT": s3.endpoint, "LOCUTION_S3_BUCKET": BUCKET}
    for name, value in secrets.items():
        (tmp_path / name).write_text(value + "\n", encoding="utf-8")
        here[f"{name}_FILE"] = str(tmp_path / name)
    assert here.keys() <= environment(made).keys()
    return [sys.executable, *made["command"][1:]], {"PATH": os.environ["PATH"], **environment(made), **here}


class Busy(BaseHTTPRequestHandler):
    """What a server says whose parts are not all there yet."""

    def do_HEAD(self) -> None:
        """Answer 503."""
        self.send_error(503)

    do_GET = do_PUT = do_HEAD  # noqa: N815 - so http.server calls them

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def _busy(endpoint: str) -> Iterator[None]:
    host, _, port = endpoint.partition(":")
    with ThreadingHTTPServer((host, int(port)), Busy) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


@contextmanager
def _absent(_endpoint: str) -> Iterator[None]:
    yield


@pytest.mark.parametrize("starting", [_absent, _busy])
def test_the_bucket_is_made_once_and_its_server_waited_for(
    s3: S3Server,  # noqa: F811
    step: Step,
    starting: Callable[[str], AbstractContextManager[None]],
) -> None:
    command, variables = step
    s3.stop()
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True) as waiting:
        assert waiting.stderr is not None
        with starting(s3.endpoint):
            assert waiting.stderr.readline() == f"waiting for the S3 server at {s3.endpoint}\n"
        s3.start()
        assert waiting.wait(timeout=60) == 0
    subprocess.run(command, env=variables, check=True, timeout=30)
    assert s3.client.bucket_exists(BUCKET)
    s3.client.remove_bucket(BUCKET)
