#!/usr/bin/env bash
# Prints the notes of a release: the newest section of CHANGELOG.md, and how to check a download.
set -euo pipefail
cd "$(dirname "$0")/.."
awk '/^## \[/ { sections++; next } sections == 1' CHANGELOG.md
cat <<'END'

### Check a download

`sha256sum --ignore-missing -c SHA256SUMS` checks its bytes. `gh attestation verify FILE --repo OWNER/NAME`
checks that the workflow of this repository built it. RELEASING.md says how to build the same bytes.
END
