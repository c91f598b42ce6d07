"""Evaluation only: create the bucket if it does not exist. Waits for the S3 server."""

import os
import sys
import time
from pathlib import Path

from minio import Minio
from urllib3 import PoolManager, Retry
from urllib3.exceptions import HTTPError

WAIT = 120
AGAIN = 2

bucket, endpoint = os.environ["LOCUTION_S3_BUCKET"], os.environ["LOCUTION_S3_ENDPOINT"]
client = Minio(
    endpoint,
    access_key=Path(os.environ["LOCUTION_S3_ACCESS_KEY_FILE"]).read_text(encoding="utf-8").strip(),
    secret_key=Path(os.environ["LOCUTION_S3_SECRET_KEY_FILE"]).read_text(encoding="utf-8").strip(),
    region=os.environ["LOCUTION_S3_REGION"],
    secure=os.environ["LOCUTION_S3_SECURE"] == "true",
    http_client=PoolManager(timeout=10, retries=Retry(0)),
)
until = time.monotonic() + WAIT
while True:
    try:
        if not client.bucket_exists(bucket):
            client.make_bucket(bucket)
        break
    except HTTPError as error:
        if time.monotonic() > until:
            sys.exit(f"the S3 server at {endpoint} cannot be reached; waited {WAIT} s: {error}")
        sys.stderr.write(f"waiting for the S3 server at {endpoint}\n")
        time.sleep(AGAIN)
