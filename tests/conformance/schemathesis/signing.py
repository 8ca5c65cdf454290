"""Signs each request to the data plane with the access key, after it is complete."""

import base64
import hashlib
import hmac
import os
from email.utils import formatdate
from urllib.parse import urlsplit

import requests
import schemathesis

KEY = base64.b64decode(os.environ["CONFORMANCE_ACCESS_KEY"])


class Signature(requests.auth.AuthBase):
    def __call__(self, request):
        url = urlsplit(request.url)
        target = url.path + (f"?{url.query}" if url.query else "")
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        date = formatdate(usegmt=True)
        text = f"{request.method}\n{target}\n{date};{url.netloc};{digest}"
        signature = base64.b64encode(hmac.digest(KEY, text.encode(), "sha256")).decode()
        request.headers["x-ms-date"] = date
        request.headers["x-ms-content-sha256"] = digest
        request.headers["Authorization"] = (
            f"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
        )
        return request


schemathesis.auth.set_from_requests(Signature())
