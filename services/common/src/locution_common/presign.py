"""Presigned URLs of S3 that fix the length of the body; minio's own sign the host alone.

Signature version 4 with parameters in the query: AWS, "Authenticating Requests: Using Query Parameters".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


def presign(
    method: str,
    url: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    *,
    access_key: str,
    secret_key: str,
    region: str,
    time: datetime,
    expires: timedelta,
) -> str:
    """Return a URL with its signature.

    `url` has no query of its own. `headers` are those besides the host that the sender must send with these values.
    """
    parts = urlsplit(url)
    signed = dict(sorted({"host": parts.netloc, **{name.lower(): value for name, value in headers.items()}}.items()))
    names = ";".join(signed)
    scope = f"{time:%Y%m%d}/{region}/s3/aws4_request"
    signing = {
        **query,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{access_key}/{scope}",
        "X-Amz-Date": f"{time:%Y%m%dT%H%M%SZ}",
        "X-Amz-Expires": str(int(expires.total_seconds())),
        "X-Amz-SignedHeaders": names,
    }
    text = urlencode(sorted(signing.items()), quote_via=quote, safe="-_.~")
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    request = f"{method}\n{parts.path or '/'}\n{text}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
    to_sign = f"{_ALGORITHM}\n{time:%Y%m%dT%H%M%SZ}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{secret_key}".encode()
    for step in scope.split("/"):
        key = hmac.digest(key, step.encode(), "sha256")
    signature = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
    return parts._replace(query=f"{text}&X-Amz-Signature={signature}").geturl()
