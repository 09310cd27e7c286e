#!/bin/sh
# `signet hsm check` says which step fails, and says nothing of the PIN.
set -eu

BUILD=${SIGNET_BUILD:-build/release}
SIGNET=$BUILD/bin/signet
MODULE=/usr/lib/softhsm/libsofthsm2.so
PIN=60417253
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT INT TERM
export SOFTHSM2_CONF="$WORK/softhsm2.conf"

fail() { echo "FAIL: $1" >&2; cat "$WORK/out" >&2; exit 1; }

# check EXIT TEXT [ARGUMENT...]: what `hsm check` must say and end with.
check() {
    want=$1 text=$2
    shift 2
    status=0
    "$SIGNET" --config "$WORK/signet.conf" hsm check "$@" >"$WORK/out" 2>&1 || status=$?
    [ "$status" = "$want" ] || fail "exit $status, not $want: hsm check $*"
    grep -q "$text" "$WORK/out" || fail "no '$text' from hsm check $*"
    if grep -q "$PIN" "$WORK/out"; then fail 'the PIN is shown'; fi
}

configure() {
    cat >"$WORK/signet.conf" <<CONF
hsm.module = ${1:-$MODULE}
hsm.lock_dir = $WORK/lock
hsm.ca.token = ${2:-signet-ca}
hsm.ca.pin_file = $WORK/ca.pin
hsm.ocsp.token = signet-ocsp
hsm.ocsp.pin_file = $WORK/ocsp.pin
CONF
}

# tool TOKEN ARGUMENT...
tool() {
    token=$1
    shift
    pkcs11-tool --module "$MODULE" --token-label "$token" --login --pin "$PIN" "$@" >/dev/null 2>&1
}

mkdir "$WORK/tokens"
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' \
    "$WORK/tokens" >"$SOFTHSM2_CONF"
for token in signet-ca signet-ocsp; do
    softhsm2-util --init-token --free --label "$token" --pin "$PIN" --so-pin 12345678 >/dev/null
    (umask 077 && echo "$PIN" >"$WORK/${token#signet-}.pin")
done
configure

check 0 '0 keys'
tool signet-ca --keypairgen --key-type EC:prime256v1 --usage-sign --id 01 --label one
tool signet-ca --keypairgen --key-type rsa:2048 --usage-sign --id 02 --label two
check 0 '2 keys' --token ca
check 0 'test signature ok' --token ca
"$SIGNET" --config "$WORK/signet.conf" hsm key list --token ca >"$WORK/out"
grep -q '01 .*ec-p256' "$WORK/out" || fail 'key 01 is not listed'
grep -q '02 .*rsa-2048' "$WORK/out" || fail 'key 02 is not listed'
"$SIGNET" --config "$WORK/signet.conf" hsm token list >"$WORK/out"
grep -q '^signet-ocsp .*SoftHSM' "$WORK/out" || fail 'the token is not listed'

configure /nonexistent/module.so
check 1 'step module' --token ca
configure /etc/passwd
check 1 'step module' --token ca
configure "$MODULE" no-such-token
check 1 'step slot: .*no-such-token' --token ca
configure
check 2 'ca, ocsp, ra or root' --token other

# A key that could be taken out of the token.
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/key.pem" 2>/dev/null
tool signet-ocsp --write-object "$WORK/key.pem" --type privkey --id 0e --label loose --extractable
check 1 'step attribute: key 0e (loose): CKA_EXTRACTABLE' --token ocsp

# A private key without its public half.
tool signet-ca --delete-object --type pubkey --id 02
check 1 'step attribute: key 02 (two): .*no public key' --token ca

# A wrong PIN is refused once, then not tried again.
echo 00000000 >"$WORK/ca.pin"
check 1 'step login: .*CKR_PIN_INCORRECT' --token ca
check 1 'step login: .*not tried again' --token ca

# A token that a killed login emptied is put right on the way.
for object in "$WORK"/tokens/*/token.object; do : >"$object"; done
check 1 'step attribute: key 0e' --token ocsp
grep -q 'hsm.token-restored' "$WORK/out" || fail 'the restored token is not told'

echo 'hsm check names the failing step'
