"""Requests to the emulator over http, through no proxy and without following a redirect."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional
from urllib.parse import urlencode, urlsplit

from acspass._errors import EmulatorError

TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Response:
    status: int
    location: Optional[str]
    text: str


def request(method: str, url: str, body: str = "", headers: Optional[Mapping[str, str]] = None) -> Response:
    """Sends a request."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, target, body.encode(), dict(headers or {}))
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
        return Response(response.status, response.getheader("Location"), text)
    except (OSError, http.client.HTTPException) as cause:
        raise EmulatorError(f"no response from the emulator at {parts.scheme}://{parts.netloc}") from cause
    finally:
        connection.close()


def post_form(url: str, form: Mapping[str, str]) -> Response:
    """Sends a form."""
    return request("POST", url, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})
