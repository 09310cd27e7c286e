#!/bin/sh
# Dependencies run one way, each library has one home, headers stand alone.
set -eu
cd "$(dirname "$0")/.."
failed=0
fail() { echo "FAIL $*"; failed=1; }

# includes FOLDER ALLOWED-PATTERN: every house include of the folder matches.
includes() {
    found=$(grep -rnE '^#include "' "$1" --include='*.[ch]' | grep -vE "#include \"($2)" || true)
    [ -z "$found" ] || fail "$1 may include only $2:
$found"
}
includes base 'base/'
includes db 'base/|db/'
includes hsm 'base/|hsm/'
includes ca-core 'base/|db/|hsm/|ca-core/'
includes ocsp 'base/|db/|hsm/|ocsp/'
# ra shares the message types with the CA and nothing else of it; the program
# `signet` (ra/cli/main.c) also lists the CA's verbs.
includes ra 'base/|db/|hsm/|ra/|ca-core/api\.h|ca-core/cli\.h|ca-core/kmc/cli\.h'
grep -rnE '"ca-core/(kmc/)?cli\.h"' ra --include='*.[ch]' | grep -v '^ra/cli/main.c:' && fail 'only ra/cli/main.c lists the CA verbs'

# home PATTERN FOLDERS: only these folders include the library.
home() {
    found=$(grep -rnE "^#include <($1)" base db hsm ca-core ocsp ra --include='*.[ch]' | grep -vE "^($2)" || true)
    [ -z "$found" ] || fail "only $2 may include $1:
$found"
}
home 'libpq|postgres' 'db/'
home 'p11-kit|pkcs11' 'hsm/'
home 'curl/' 'base/(http|smtp)_client'
home 'libxml/' 'base/xml'
home 'event2/bufferevent' 'base/'

# Hot paths never decode keys or fetch algorithms by the simple calls
# (performance.md, 4 and 11).
found=$(grep -nE 'X509_set_pubkey|[^_]SHA256\(|EVP_Digest\(' ca-core/*.c ocsp/*.c 2>/dev/null || true)
[ -z "$found" ] || fail "slow calls on hot paths:
$found"

for header in base/*.h db/*.h hsm/*.h ca-core/*.h ca-core/kmc/*.h ocsp/*.h ra/*.h ra/cli/*.h; do
    [ -f "$header" ] || continue
    flags=$(pkg-config --cflags openssl jansson libpq p11-kit-1 libxml-2.0 libevent)
    # shellcheck disable=SC2086
    echo "#include \"$header\"" | ${CC:-cc} -std=c17 -D_GNU_SOURCE -I. $flags -fsyntax-only -x c - ||
        fail "$header does not compile alone"
done
[ "$failed" = 0 ] && echo 'the house stands'
exit "$failed"
