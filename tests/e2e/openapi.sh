#!/bin/sh
# docs/openapi.yaml says what signet-ra does: every route is in it, every
# operation of it answers, with a status and a body that it describes.
. "$(dirname "$0")/lib.sh"
need_state

openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/key.pem"
openssl req -new -key "$WORK/key.pem" -subj /CN=openapi -out "$WORK/csr.pem"
python3 "$(dirname "$0")/openapi.py" "$SIGNET_SOURCE" "$STATE" "$SIGNET_RA_URL" "$SIGNET_CA_BUNDLE" "$WORK"
