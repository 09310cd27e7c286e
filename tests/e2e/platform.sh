#!/bin/sh
# The host platform's calls over mutual TLS, judged by curl and jq: records,
# import, a way into the portal, progress, the form of a case.
set -eu
. "$(dirname "$0")/lib.sh"
need_state

# An account of this run alone: the state is shared.
unit=platform-$$

# ask CERTIFICATE ARGUMENTS...: status into $status, body into $WORK/body.
ask() {
    who=$1
    shift
    case $who in
    nobody) set -- "$@" ;;
    *) set -- --cert "$who.pem" --key "$who.key" "$@" ;;
    esac
    status=$(curl -sS --cacert "$SIGNET_CA_BUNDLE" -o "$WORK/body" -w '%{http_code}' "$@")
}
platform=$STATE/tls/signet-platform
url=$SIGNET_RA_URL/v1/platform
uscc=91330100MA27XYW12A
record="{\"unit_name\":\"杭州示例科技有限公司\",\"uscc\":\"$uscc\",\"kind\":\"company\",\"province\":\"浙江省\",\"locality\":\"杭州市\",\"street\":\"西湖区文三路 1 号\"}"
json='Content-Type: application/json'

ask nobody -X PUT "$url/accounts/$unit" -H "$json" -d "$record"
want 'nobody stores a record' 401 "$status"
# Services of ours are no host platform.
ask "$STATE/tls/signet-admin" -X PUT "$url/accounts/$unit" -H "$json" -d "$record"
want 'another service stores no record' 403 "$status"
ask "$platform" "$url/accounts/$unit"
want 'nothing was stored' 404 "$status"
ask "$platform" -X PUT "$url/accounts/$unit" -H "$json" -d "$record"
want 'the platform stores a record' 201 "$status"
ask "$platform" -X PUT "$url/accounts/$unit" -H "$json" -d "$record"
want 'the same record again' '200 unchanged' "$status $(jq -r .result "$WORK/body")"

cat >"$WORK/units.csv" <<END
account,unit_name,uscc,kind,province,locality,street
$unit,杭州示例科技股份有限公司,$uscc,company,浙江省,杭州市,西湖区文三路 1 号
$unit-b,"乙, 丙律师事务所",$uscc,law-firm,浙江省,杭州市,二路 2 号
$unit-c,丁公司,91330100MA27XYW12B,company,浙江省,杭州市,三路 3 号
END
signet account import "$WORK/units.csv" --officer "$STATE/officers/admin-a" --dry-run --json >"$WORK/dry" && fail 'a wrong line was taken'
want 'a dry run tells' '1 1 1 true' "$(jq -r '"\(.created) \(.changed) \(.errors) \(.dry_run)"' "$WORK/dry")"
ask "$platform" -X POST "$url/import?format=csv" -H 'Content-Type: text/csv' --data-binary "@$WORK/units.csv"
want 'and the import does the same' "$(jq -cS .lines "$WORK/dry")" "$(jq -cS .lines "$WORK/body")"
ask "$platform" "$url/accounts/$unit-b"
want 'commas inside quotes' '乙, 丙律师事务所' "$(jq -r .unit_name "$WORK/body")"
signet account import "$WORK/units.csv" --officer "$STATE/officers/first" >/dev/null 2>&1 && fail 'a reviewer imported records'

ask "$platform" -X POST "$url/sessions" -H "$json" -d "{\"account\":\"$unit\"}"
want 'a way into the portal' 201 "$status"
ticket=$(jq -r .ticket "$WORK/body")
enter() {
    status=$(curl -sS --cacert "$SIGNET_CA_BUNDLE" -A browser -c "$WORK/cookies" -o "$WORK/session" -w '%{http_code}' \
        -X POST "$SIGNET_RA_URL/v1/session/ticket" -H "$json" -d "{\"ticket\":\"$ticket\"}")
}
enter
want 'the ticket opens a session' 201 "$status"
csrf=$(jq -r .csrf "$WORK/session")
cp "$WORK/cookies" "$WORK/jar"
enter
[ "$status" -ge 400 ] || fail 'a ticket opened two sessions'
applicant() {
    status=$(curl -sS --cacert "$SIGNET_CA_BUNDLE" -A browser -b "$WORK/jar" -o "$WORK/body" -w '%{http_code}' \
        -H "X-Signet-CSRF: $csrf" -H "$json" "$@")
}
applicant "$SIGNET_RA_URL/v1/businesses"
version=$(jq -r '.businesses[] | select(.business == "new") | .notice.version' "$WORK/body")
cat >"$WORK/case.json" <<'END'
{"business": "new", "notice_version": "VERSION", "fields": {"province": "浙江省", "locality": "杭州市", "street": "西湖区文三路 1 号",
 "years": "1", "seal": "yes", "seals": "[{\"type\":\"official\",\"name\":\"杭州示例科技股份有限公司\"}]", "handler_name": "周经办",
 "handler_id_type": "id-card", "handler_id_number": "11010519491231002X", "handler_mobile": "13800000000",
 "delivery_recipient": "周经办", "delivery_mobile": "13800000000", "delivery_address": "浙江省杭州市西湖区文三路 1 号"}}
END
sed -i "s/VERSION/$version/" "$WORK/case.json"
applicant -X POST "$SIGNET_RA_URL/v1/cases" -d "@$WORK/case.json"
want 'a case is filed' 201 "$status"
number=$(jq -r .number "$WORK/body")
want 'with the name of the record' '杭州示例科技股份有限公司' "$(jq -r .fields.unit_name "$WORK/body")"
applicant -X POST "$SIGNET_RA_URL/v1/cases/$number/submit" -d '{}'
want 'and submitted' 200 "$status"
for kind in certificate seal; do
    applicant "$SIGNET_RA_URL/v1/cases/$number/forms/$kind"
    want "form $kind" 200 "$status"
    pdftotext "$WORK/body" "$WORK/text"
    for words in "$number" '杭州示例科技股份有限公司'; do
        grep -q "$words" "$WORK/text" || fail "form $kind lacks $words"
    done
done
ask nobody "$SIGNET_RA_URL/v1/cases/$number/forms/certificate"
want 'forms are for nobody else' 401 "$status"

ask "$platform" "$url/accounts/$unit/progress"
want 'progress' "$number form-ready" "$(jq -r '.cases[0] | "\(.number) \(.state)"' "$WORK/body")"
grep -q 13800000000 "$WORK/body" && fail 'progress tells personal data'
ask "$platform" -X POST "$url/accounts/$unit/binding" -H "$json" -d '{"issuer":"issuing-1","serial":"40000000000000000000000000000001"}'
want 'nothing to bind yet' 404 "$status"
applicant -X POST "$SIGNET_RA_URL/v1/cases/$number/withdraw" -d '{}'
want 'withdrawn' 200 "$status"
echo 'the host platform is served'
