"""Evaluation only: create the bucket if it does not exist."""

import os
from pathlib import Path

from minio import Minio

bucket = os.environ["LOCUTION_S3_BUCKET"]
client = Minio(
    os.environ["LOCUTION_S3_ENDPOINT"],
    access_key=Path(os.environ["LOCUTION_S3_ACCESS_KEY_FILE"]).read_text(encoding="utf-8").strip(),
    secret_key=Path(os.environ["LOCUTION_S3_SECRET_KEY_FILE"]).read_text(encoding="utf-8").strip(),
    region=os.environ["LOCUTION_S3_REGION"],
    secure=os.environ["LOCUTION_S3_SECURE"] == "true",
)
if not client.bucket_exists(bucket):
    client.make_bucket(bucket)
