#!/bin/sh
# docs/openapi.yaml says what signet-ra does: every route is in it, every
# operation of it answers, with a status and a body that it describes.
set -eu
. "$(dirname "$0")/lib.sh"
need_state
python3 "$SIGNET_SOURCE/tests/e2e/openapi.py" "$SIGNET_SOURCE" "$STATE" "$WORK"
