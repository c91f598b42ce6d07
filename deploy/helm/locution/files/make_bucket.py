"""Evaluation only: create the bucket if it does not exist. Waits for the S3 server."""

import sys
import time

from locution_common import s3_client, settings
from locution_common.errors import DependencyUnavailable

WAIT = 120
AGAIN = 2

store = settings.load(settings.ObjectStoreSettings, program="make-bucket")
client = s3_client.connect(store)
until = time.monotonic() + WAIT
while True:
    try:
        with s3_client.translated():
            if not client.bucket_exists(store.s3_bucket):
                client.make_bucket(store.s3_bucket)
        break
    except DependencyUnavailable as error:
        if time.monotonic() > until:
            sys.exit(f"the S3 server at {store.s3_endpoint} cannot be reached; waited {WAIT} s: {error.__cause__}")
        sys.stderr.write(f"waiting for the S3 server at {store.s3_endpoint}\n")
        time.sleep(AGAIN)
