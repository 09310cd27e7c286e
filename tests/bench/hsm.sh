#!/bin/sh
# What a signature through the seam costs, beside the bare loop of C_SignInit
# and C_Sign and beside OpenSSL with a software key: name<TAB>value<TAB>unit.
set -eu
exec "${SIGNET_BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build/release}/bin/bench_hsm"
