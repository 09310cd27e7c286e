#!/bin/sh
# Every C file is laid out as .clang-format says.
set -eu
cd "$(dirname "$0")/.."
find base db hsm ca-core ocsp ra tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run --Werror
echo 'formatted'
