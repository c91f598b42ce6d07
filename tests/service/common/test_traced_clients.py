"""SQL and S3 calls are spans of the trace that they belong to, and of none otherwise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.s3 import S3Server


def test_sql_and_s3_join_the_trace(database: str, s3: S3Server, bucket: str, tmp_path: Path) -> None:
    traces = tmp_path / "traces.jsonl"
    arguments = [str(traces), database, s3.endpoint, s3.access_key, s3.secret_key, bucket]
    command = [sys.executable, "-m", "tests.service.common.traced_clients", *arguments]
    subprocess.run(command, check=True, timeout=50)
    spans = [json.loads(line) for line in traces.read_text().splitlines()]
    job = next(span for span in spans if span["name"] == "job")
    children = [span for span in spans if span["parent_id"] == job["span_id"]]
    assert [span["attributes"].get("db.statement") for span in children] == ["SELECT 'inside'", None]
    assert children[1]["attributes"]["http.url"] == f"http://{s3.endpoint}/{bucket}/inside"
    assert len(spans) == 3
    assert {span["trace_id"] for span in spans} == {job["trace_id"]}
    assert s3.secret_key not in traces.read_text()
