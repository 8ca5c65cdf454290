#!/usr/bin/env python3
"""A browser for the emulator's pages: opens the address that is its last argument, fills in each
form (a code before the address is typed where one is asked for), and sends it, until none is left."""

import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser


class Form(HTMLParser):
    """The first form of a page: where it goes, its fields, and the button that goes on."""

    def __init__(self):
        super().__init__()
        self.action, self.fields, self.asks_code, self.is_there = None, {}, False, False

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        name, value = attributes.get("name"), attributes.get("value") or ""
        if tag == "form":
            self.is_there, self.action = True, attributes.get("action")
        elif name == "user_code":
            self.asks_code = True
        elif tag == "input" and name:
            self.fields[name] = value
        elif tag == "button" and name and name != "emulator_cancel":
            self.fields.setdefault(name, value)


def walk(address, code="", user=""):
    answer = urllib.request.urlopen(address, timeout=20)
    for _ in range(8):
        form = Form()
        form.feed(answer.read().decode())
        if not form.is_there:
            return
        if form.asks_code:
            form.fields["user_code"] = code
        if user and "emulator_user" in form.fields:
            form.fields["emulator_user"] = user
        target = urllib.parse.urljoin(answer.geturl(), form.action or answer.geturl())
        body = urllib.parse.urlencode(form.fields).encode()
        try:
            answer = urllib.request.urlopen(target, data=body, timeout=20)
        except urllib.error.HTTPError as page:
            answer = page
    sys.exit("walk.py: the pages do not end")


def sign_in(screen, user):
    """Signs a user in at the address on the screen of `acspass login`."""
    addresses = re.findall(r"https?://[^\s\x1b]*/(?:sign-in\b|authorize\?)[^\s\x1b]*", screen)
    if not addresses:
        raise AssertionError(f"no address on the screen:\n{screen}")
    walk(addresses[-1], user=user)


if __name__ == "__main__":
    walk(sys.argv[-1], sys.argv[1] if len(sys.argv) > 2 else "")
