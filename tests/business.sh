#!/bin/sh
# The businesses as installed are right, their pictures in docs/ are those of the
# table of transitions, and docs/business-rules.md names what there is.
set -eu
cd "$(dirname "$0")/.."
SIGNET=${SIGNET_BUILD:?the build folder}/bin/signet
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
failed=0
fail() { echo "FAIL $*"; failed=1; }

printf 'schema_dir = %s/config/schema\nra.business_dir = %s/config/business\n' "$PWD" "$PWD" >"$WORK/signet.conf"
"$SIGNET" --config "$WORK/signet.conf" business check || fail 'the businesses are not right'
"$SIGNET" --config "$WORK/signet.conf" business list >"$WORK/list"
[ "$(wc -l <"$WORK/list")" = 8 ] || fail 'there are not the seven of the guide and key recovery'

cut -f1 "$WORK/list" | while read -r name; do
    "$SIGNET" business graph "$name" >"$WORK/$name.dot"
    cmp -s "$WORK/$name.dot" "docs/business/$name.dot" || echo "$name.dot is stale"
    sum=$(sha256sum <"docs/business/$name.dot" | cut -c1-64)
    grep -q "drawn from $sum" "docs/business/$name.svg" || echo "$name.svg is stale"
    grep -q "(business/$name.svg)" docs/business.md || echo "docs/business.md does not show $name.svg"
done >"$WORK/stale"
[ ! -s "$WORK/stale" ] || fail "run docs/business/draw.sh: $(cat "$WORK/stale")"
if "$SIGNET" business graph none >"$WORK/none" 2>&1; then fail 'a business that there is not was drawn'; fi

# Files and names between back quotes.
grep -o '`[^`]*`' docs/business-rules.md | tr -d '`' | sort -u | while read -r word; do
    case $word in
    */*.*) [ -e "$word" ] || echo "$word" ;;
    *_*_*) grep -rqw -- "$word" tests db || echo "$word" ;;
    esac
done >"$WORK/missing"
[ ! -s "$WORK/missing" ] || fail "docs/business-rules.md names what there is not: $(cat "$WORK/missing")"

[ "$failed" = 0 ] && echo 'the businesses are right, and their pictures new'
exit "$failed"
