#!/usr/bin/env python3
"""Requests that schemathesis makes of the service's OpenAPI document find no status 5xx.

    pip install schemathesis
    deploy/load/openapi.py FOLDER [--examples 50]

FOLDER has the programs acspass and acspass-exchange.
"""

import argparse
import shutil
import subprocess
import sys

from system import System, until


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--examples", type=int, default=50)
    options = parser.parse_args()
    with System(options.folder, 2, replicas=1, database=False) as system:
        until("the service", lambda: system.is_ready(0))
        bearer, _ = system.tokens(0)
        url = f"http://127.0.0.1:{system.replicas[0][0]}"
        done = subprocess.run([
            shutil.which("schemathesis", path=f"{sys.prefix}/bin") or "schemathesis", "run", f"{url}/openapi.json",
            "--url", url, "--header", f"Authorization: Bearer {bearer}", "--max-examples", str(options.examples),
            "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        ], cwd=system.folder)  # It writes a cache there.
        decisions = list(system.audit())
        print(len(decisions), "decisions,", len([line for line in decisions if line["status"] >= 500]), "with 5xx")
    raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
