#!/bin/sh
# The manual says what the programs do: signet.conf(5) is the table of settings,
# signet(1) has every verb, each program has a page, and mandoc has no complaint.
set -eu
cd "$(dirname "$0")/.."
SIGNET=${SIGNET_BUILD:?the build folder}/bin/signet
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
failed=0
fail() { echo "FAIL $*"; failed=1; }

"$SIGNET" config doc --mdoc >"$WORK/settings"
sed -n '/^\.Sh SETTINGS$/,/^\.Sh FILES$/p' docs/man/signet.conf.5 | sed '1d;$d' >"$WORK/page"
diff "$WORK/settings" "$WORK/page" >"$WORK/diff" ||
    fail "docs/man/signet.conf.5 is stale; put in what \`signet config doc --mdoc\` prints:
$(cat "$WORK/diff")"

# A verb is what stands before two spaces.
"$SIGNET" --help | sed -n 's/^  \([a-z][a-z -]*[a-z]\)   *.*/\1/p' | sort >"$WORK/verbs"
[ "$(wc -l <"$WORK/verbs")" -gt 40 ] || fail 'signet --help lists hardly any verb'
while read -r verb; do
    grep -qE "^\.It Cm $verb( [A-Z|]|\$)" docs/man/signet.1 || fail "signet.1 does not tell of: $verb"
done <"$WORK/verbs"
sed -n 's/^\.It Cm \([a-z][a-z -]*[a-z]\)\( [A-Z].*\)\{0,1\}$/\1/p' docs/man/signet.1 | sort | comm -23 - "$WORK/verbs" >"$WORK/gone"
[ ! -s "$WORK/gone" ] || fail "signet.1 tells of verbs that there are not: $(cat "$WORK/gone")"

for program in "${SIGNET%/*}"/signet*; do
    name=${program##*/}
    [ -f "docs/man/$name.1" ] || [ -f "docs/man/$name.8" ] || fail "no manual page of $name"
done

mandoc -Tlint -W warning docs/man/*.[158] || fail 'mandoc has something to say'
[ "$failed" = 0 ] && echo 'the manual is true'
exit "$failed"
