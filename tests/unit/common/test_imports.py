"""What importing a module drags in: engines have no database, domain code has no transport."""

from __future__ import annotations

import subprocess
import sys

import pytest


def _python(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr


ENGINE = ("admission", "cores", "dispatch", "errors", "folders", "models", "pool", "queue")
VOCABULARY = ("asr", "capabilities", "clock", "languages", "pcm", "speakers", "transcript")
COMMON = [f"locution_common.{name}" for name in ("errors", "clock", "retry")]
SPEECH = [f"locution_speech.{name}" for name in (*VOCABULARY, *(f"engine.{each}" for each in ENGINE))]


@pytest.mark.parametrize("module", [*COMMON, *SPEECH])
def test_domain_code_imports_no_transport(module: str) -> None:
    foreign = "{'grpc', 'asyncpg', 'minio', 'google', 'opentelemetry', 'pydantic', 'torch', 'ctranslate2'}"
    _python(f"import sys, {module}; assert not {foreign} & set(sys.modules), sys.modules.keys()")


def test_a_service_needs_neither_postgres_nor_s3() -> None:
    absent = "'asyncpg', 'minio', 'urllib3'"
    code = f"import sys\nfor name in ({absent}): sys.modules[name] = None\n"
    _python(code + "from locution_common import service, telemetry\ntelemetry.setup('asr').shutdown()")
