#!/bin/sh
# Draws the pictures of docs/business.md anew, after a change in ra/case.c:
#   docs/business/draw.sh [PATH OF signet]
# Needs Graphviz. Each picture names the hash of what it was drawn from, so that
# tests/business.sh sees a stale one without Graphviz.
set -eu
cd "$(dirname "$0")"
SIGNET=${1:-../../build/dev/bin/signet}
for name in new renew reissue change seal unlock revoke recover; do
    "$SIGNET" business graph "$name" >"$name.dot"
    dot -Tsvg "$name.dot" >"$name.svg"
    echo "<!-- drawn from $(sha256sum <"$name.dot" | cut -c1-64) -->" >>"$name.svg"
done
