#!/usr/bin/env python3
"""Stands in for a browser: gets a sign-in page and posts the form that it answers with.

    browser.py ADDRESS          visits one page, as every command in BROWSER does
    browser.py --pages FIFO     visits the pages whose addresses come through a FIFO, until it is terminated

The emulator signs a user in without a click where the address names one, so one form is all there is to
fill in.
"""

import os
import ssl
import sys
import urllib.parse
import urllib.request
from html.parser import HTMLParser


class FirstForm(HTMLParser):
    def __init__(self):
        super().__init__()
        self.action = None
        self.fields = []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = attributes.get("action")
        if tag == "input" and attributes.get("name"):
            self.fields.append((attributes["name"], attributes.get("value") or ""))


trust = ssl.create_default_context(cafile=os.environ.get("ACSPASS_CA_FILE"))
opener = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
)


def visit(address):
    with opener.open(address, timeout=20) as page:
        form = FirstForm()
        form.feed(page.read().decode())
    if form.action is None:
        sys.exit("the page has no form: was a user named?")
    opener.open(form.action, urllib.parse.urlencode(form.fields).encode(), timeout=20).close()


if sys.argv[1] == "--pages":
    # Opened for writing too, so that it has no end when a writer closes it.
    with open(os.open(sys.argv[2], os.O_RDWR), encoding="utf-8") as pages:
        for line in pages:
            visit(line.strip())
else:
    visit(sys.argv[-1])
