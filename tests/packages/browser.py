#!/usr/bin/env python3
"""A browser for BROWSER: walks the emulator's pages and clicks the first button of each."""

import os
import ssl
import sys
import urllib.parse
import urllib.request
from html.parser import HTMLParser


class FirstForm(HTMLParser):
    """The first form of a page: its action, its hidden fields and its first button."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.is_complete = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        values = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = values.get("action") or ""
        elif self.action is None or self.is_complete:
            return
        elif tag == "input" and values.get("type") == "hidden":
            self.fields[values["name"]] = values.get("value") or ""
        elif tag == "button":
            if "name" in values:
                self.fields[values["name"]] = values.get("value") or ""
            self.is_complete = True


def main() -> None:
    trusted = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=trusted), urllib.request.HTTPCookieProcessor()
    )
    url, data = sys.argv[1], None
    for _ in range(10):
        with opener.open(url, data, timeout=20) as response:
            form, url = FirstForm(response.read().decode()), response.geturl()
        if form.action is None:
            return
        url = urllib.parse.urljoin(url, form.action)
        data = urllib.parse.urlencode(form.fields).encode()


main()
