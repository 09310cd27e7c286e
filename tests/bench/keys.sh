#!/bin/sh
# What holders' keys cost: name<TAB>value<TAB>unit.
#   escrow_create_vs_token  escrowed keys that signet-kmc makes per second through its API,
#                           of what the token alone does (bench_keys.c says what, and why EC)
#   escrow_create_per_s     and how many these are
#   cms_encrypt_vs_openssl  signet-key's throughput, of `openssl cms -encrypt -stream`'s
#   cms_decrypt_vs_openssl  the same of `openssl cms -decrypt`, at a size that it can hold
#                           (it does not stream: OpenSSL 3 reads the file into memory)
#   cms_rss_mib             most memory of signet-key, both ways, at RSS_MIB
# The same cipher (AES-256-GCM), the same file, in turns; medians of the rounds. CPU
# time, as `perf stat` would count it, because others may use the machine meanwhile.
#   keys.sh [ROUNDS]; CMS_MIB (256) and RSS_MIB (2048) are the sizes, in TMPDIR.
set -eu
SOURCE=$(cd "$(dirname "$0")/../.." && pwd)
build=${SIGNET_BUILD:-$SOURCE/build/release}
work=$(mktemp -d)
chmod 755 "$work"
clean_up() {
    [ ! -d "$work/state" ] || "$SOURCE/signet" down --state "$work/state" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM
for tool in pkcs11-tool openssl python3; do
    command -v "$tool" >/dev/null || { echo "bench: $tool is missing" >&2; exit 1; }
done

# ---- The centre, among all services, on a PostgreSQL of its own
tree=${SIGNET_BUILD:-$SOURCE/build/bench}
if [ -z "${SIGNET_BUILD:-}" ]; then
    mkdir -p "$tree"
    { cmake -S "$SOURCE" -B "$tree" -G Ninja -DCMAKE_BUILD_TYPE=Release && cmake --build "$tree" --target bench_keys; } >"$tree/log" 2>&1 || {
        tail -20 "$tree/log" >&2
        exit 1
    }
fi
"$SOURCE/signet" up --no-samples --state "$work/state" >/dev/null
url=$(. "$work/state/env" && echo "$SIGNET_KMC_URL")
tls=$work/state/tls
"$tree/bin/bench_keys" rate "$url" "$work/state/public/bundle.pem" "$tls/signet-ca.pem" "$tls/signet-ca.key"
"$SOURCE/signet" down --state "$work/state" >/dev/null
rm -rf "$work/state"

# ---- CMS
# A device with a key for encryption, and a person with one in a file.
"$SOURCE/signet" device new BENCH-01 --state "$work" >/dev/null
export SIGNET_USBKEY="$work/usbkeys/BENCH-01" SIGNET_KEY_MODULE="$build/bin/usbkey-sim.so" HOME="$work"
tool() { pkcs11-tool --module "$SIGNET_KEY_MODULE" "$@" >/dev/null 2>&1; }
tool --login --pin 12345678 --keypairgen --key-type rsa:2048 --id 01 --label bench
tool --read-object --type pubkey --id 01 -o "$work/device.pub"
openssl pkey -pubin -inform DER -in "$work/device.pub" -out "$work/device.pub.pem"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/file.key" -out "$work/file.pem" -subj /CN=file -days 9 2>/dev/null
printf 'keyUsage=critical,keyEncipherment\n' >"$work/ext"
openssl x509 -new -force_pubkey "$work/device.pub.pem" -subj /CN=device -CA "$work/file.pem" -CAkey "$work/file.key" \
    -days 9 -extfile "$work/ext" -out "$work/device.pem" 2>/dev/null
openssl x509 -in "$work/device.pem" -outform DER -out "$work/device.der"
tool --login --pin 12345678 --write-object "$work/device.der" --type cert --id 01 --label bench
echo 12345678 >"$work/pin"

python3 "$SOURCE/tests/bench/keys_cms.py" "$build/bin/signet-key" "$work" "${1:-5}" "${CMS_MIB:-256}" "${RSS_MIB:-2048}"
