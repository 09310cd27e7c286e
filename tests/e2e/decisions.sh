#!/bin/sh
# Nobody can issue alone: every way round the two reviews is refused, and the refusal is in
# the log. Orders are built and signed here without our code.
set -eu
. "$(dirname "$0")/lib-orders.sh"
need_state

new_order issue honest ec-p256 >"$WORK/order"
order=$(cat "$WORK/order")
first=$(decision "$order" first-review first)
second=$(decision "$order" second-review second)

envelope "$order" | jq -c '.decisions = []' | refused 403 'no decision at all'
envelope "$order" "$first" | refused 403 'one officer alone'
envelope "$order" "$first" "$first" | refused 403 'the same decision twice'
envelope "$order" "$first" "$(decision "$order" second-review first)" | refused 403 'the same person in both steps'
envelope "$order" "$(decision "$order" first-review second)" "$second" | refused 403 'an officer without the role'
envelope "$order" "$first" "$(decision "$order" second-review second "$(printf x | sha256sum | cut -d' ' -f1)")" |
    refused 403 'a decision over another digest'
envelope "$(printf '%s' "$order" | jq -c '.validity.years = 5')" "$first" "$second" | refused 403 'an order changed after the reviews'
envelope "$order" "$first" "$(printf '%s' "$second" | jq -c '.decided_at = "2026-01-01T00:00:00Z"')" | refused 403 'a decision with another date than was signed'
envelope "$order" "$first" "$(decision "$order" second-review second '' 2020-01-01T00:00:00Z)" | refused 403 'a decision from years ago'
envelope "$order" "$first" "$(decision "$order" second-review second '' 2099-01-01T00:00:00Z)" | refused 403 'a decision from the future'
other=$(new_order issue other ec-p256)
envelope "$other" "$first" "$second" | refused 403 'decisions taken from another order'
envelope "$order" "$first" "$second" "$(decision "$order" entry first)" | refused 403 'who entered it reviews it'

# An officer as applicant: the order names the reviewer's own personnel number.
person=$(signet officer list --json | jq -r --arg id "$(cat "$STATE/officers/second/officer_id")" '.officers[] | select(.officer_id == $id).person')
order=$(new_order issue self ec-p256 ".applicant.person = \"$person\"")
envelope "$order" "$(decision "$order" first-review first)" "$(decision "$order" second-review second)" | refused 403 'an officer approves an application of their own'

# A stranger's credential: a certificate that the CA issued, but of no officer.
new_order issue stranger ec-p256 | approve | submit >"$WORK/stranger.json"
mkdir -p "$WORK/stranger"
stranger=$WORK/stranger
pem_of "$WORK/stranger.json" >"$stranger/cert.pem"
cp "$WORK/stranger.key" "$stranger/key.pem"
cp "$STATE/officers/second/officer_id" "$stranger/officer_id"
order=$(new_order issue thief ec-p256)
first=$(decision "$order" first-review first)
forged=$(STATE=$WORK; mkdir -p "$WORK/officers"; rm -rf "$WORK/officers/stranger"; cp -r "$stranger" "$WORK/officers/stranger"; decision "$order" second-review stranger)
envelope "$order" "$first" "$forged" | refused 403 'a certificate that is no officer'\''s credential'

# A second credential of the same person does not make two people; a dismissed officer is none.
by() { (STATE=$WORK; decision "$@"); } # a decision by an officer of $WORK/officers

person_of_first=$(signet officer list --json | jq -r --arg id "$(cat "$STATE/officers/first/officer_id")" '.officers[] | select(.officer_id == $id).person')
enroll twin "$person_of_first" '["second-reviewer"]' | administer | refused 409 'a person is enrolled twice'
order=$(enroll temp "P-$unique" '["second-reviewer"]')
envelope "$order" "$(decision "$order" administration admin-a)" | refused 403 'one administrator enrols an officer'
printf '%s' "$order" | administer | submit >/dev/null
echo 'ok two administrators enrol an officer'
order=$(new_order issue by-temp ec-p256)
envelope "$order" "$(decision "$order" first-review first)" "$(by "$order" second-review temp)" | submit >/dev/null
echo 'ok the new officer reviews'
jq -cn --arg id "$(new_id)" --arg now "$(now)" --arg officer "$(cat "$WORK/officers/temp/officer_id")" \
    '{order_id: $id, kind: "dismiss-officer", created_at: $now, officer_id: $officer}' | administer | submit >/dev/null
order=$(new_order issue after-dismissal ec-p256)
envelope "$order" "$(decision "$order" first-review first)" "$(by "$order" second-review temp)" | refused 403 'a dismissed officer reviews'

# --- an order that a device completes: whoever has the RA's database has not the device
order=$(new_order issue device ec-p256 | waiting)
first=$(decision "$order" first-review first)
second=$(decision "$order" second-review second)
made=$(making "$order" UK-0001 uk)
new_key "$WORK/stolen.key" ec-p256
envelope "$order" "$first" "$second" "$made" | refused 400 'an order without its device'
envelope "$order" "$first" "$second" | completed UK-0001 uk device | refused 403 'a device that no maker named'
envelope "$order" "$first" "$second" "$made" | completed UK-0002 uk device | refused 403 'another serial number'
envelope "$order" "$first" "$second" "$made" | completed UK-0001 stolen device | refused 403 'another device with the same serial number'
csr_of swapped ec-p256 >/dev/null
envelope "$order" "$first" "$second" "$made" | completed UK-0001 uk device | jq -c --arg csr "$(csr_of swapped ec-p256)" '.csr = $csr' |
    refused 403 'a request swapped under the signature of the device'
envelope "$order" "$first" "$second" "$(printf '%s' "$made" | jq -c '.device.serial = "UK-0003"')" | completed UK-0003 uk device |
    refused 403 'a device written into what the maker signed'
envelope "$order" "$first" "$second" "$(making "$order" UK-0001 uk first)" | completed UK-0001 uk device | refused 403 'a reviewer makes'
order=$(new_order issue late ec-p256 '.created_at = "2026-01-01T00:00:00Z"' | waiting 2026-02-01T00:00:00Z)
envelope "$order" "$(decision "$order" first-review first)" "$(decision "$order" second-review second)" "$(making "$order" UK-0001 uk)" |
    completed UK-0001 uk device | refused 409 'an activation after its end'

# --- holders decide about their own certificate only
new_order issue holder ec-p256 | approve | submit >"$WORK/holder.json"
pem_of "$WORK/holder.json" >"$WORK/holder.pem"
new_order issue neighbour ec-p256 | approve | submit >"$WORK/neighbour.json"
pem_of "$WORK/neighbour.json" >"$WORK/neighbour.pem"
order=$(new_revocation revoke "$(serial_of "$WORK/neighbour.json")" superseded)
envelope "$order" "$(by_holder "$order" holder)" | refused 403 'a holder revokes the certificate of another'
order=$(new_revocation revoke "$(serial_of "$WORK/holder.json")" privilegeWithdrawn)
envelope "$order" "$(by_holder "$order" holder)" | refused 403 'a holder withdraws a privilege'
order=$(new_successor reissue "$(serial_of "$WORK/holder.json")" holder-new ec-p256 '{"rule":"keep"}' '{"action":"none"}')
envelope "$order" "$(by_holder "$order" holder)" | refused 403 'a holder reissues without review'

# --- a hold for a pending order, and the release of it by one
serial=$(serial_of "$WORK/holder.json")
pending=$(new_revocation revoke "$serial" superseded)
hold=$(new_revocation hold "$serial" | jq -c --argjson pending "$pending" '. + {pending: $pending}')
envelope "$hold" "$(decision "$hold" first-review first)" | refused 403 'a first review over the hold instead of the pending order'
other=$(new_revocation revoke "$(serial_of "$WORK/neighbour.json")" superseded)
envelope "$(new_revocation hold "$serial" | jq -c --argjson pending "$other" '. + {pending: $pending}')" "$(decision "$other" first-review first)" |
    refused 400 'a hold for what is pending about another certificate'
envelope "$hold" "$(decision "$pending" first-review first)" | submit >/dev/null
release=$(new_revocation release "$serial" | jq -c --argjson pending "$pending" '. + {pending: $pending}')
envelope "$release" "$(decision "$pending" second-review second)" | refused 403 'an approval releases'
rejection='{verdict: "reject", remark: "原件不符"}'
envelope "$release" "$(decision "$pending" second-review first '' '' "$rejection")" | refused 403 'the first reviewer releases'
envelope "$release" "$(decision "$pending" second-review second '' '' "$rejection")" | submit >/dev/null
echo 'ok the second reviewer rejects, and what was held is released'
envelope "$release" "$(decision "$pending" second-review second '' '' "$rejection")" | submit >/dev/null
order=$(new_revocation hold "$serial")
envelope "$order" "$(decision "$order" first-review first)" | submit >/dev/null
release=$(new_revocation release "$serial" | jq -c --argjson pending "$pending" '. + {pending: $pending}')
envelope "$release" "$(decision "$pending" second-review second '' '' "$rejection")" | refused 403 'an old rejection releases another hold'

# --- an officer by passkey: made, and used, by openssl
origin=https://localhost:${SIGNET_RA_URL##*:}
mkdir -p "$WORK/officers/key-$unique"
new_key "$WORK/officers/key-$unique/passkey.key" ec-p256
new_id >"$WORK/officers/key-$unique/officer_id"
enroll_passkey() { # ORIGIN
    jq -cn --arg id "$(new_id)" --arg now "$(now)" --arg officer "$(cat "$WORK/officers/key-$unique/officer_id")" --arg person "K-$unique" \
        --argjson credential "$(passkey "key-$unique" "$1")" \
        '{order_id: $id, kind: "enroll-officer", created_at: $now,
          officer: {officer_id: $officer, name: "passkey", person: $person, roles: ["second-reviewer"], credential: $credential}}'
}
enroll_passkey https://evil.example | administer | refused 400 'a passkey whose page is not of its RP'
enroll_passkey https://localhost:1 | administer | refused 403 'a passkey of a page that is not ours'
enroll_passkey "$origin" | administer | submit >/dev/null
order=$(new_order issue by-passkey ec-p256)
first=$(decision "$order" first-review first)
envelope "$order" "$first" "$(by_passkey "$order" second-review "key-$unique" https://localhost:1)" | refused 403 'an assertion of another page'
envelope "$order" "$first" "$(by_passkey "$order" second-review "key-$unique" "$origin" 01)" | refused 403 'an assertion without the user verified'
other=$(new_order issue by-passkey-other ec-p256)
envelope "$order" "$first" "$(by_passkey "$other" second-review "key-$unique" "$origin")" | refused 403 'an assertion for another order'
envelope "$order" "$first" "$(by_passkey "$order" second-review "key-$unique" "$origin")" | submit >/dev/null
echo 'ok the passkey decides'

refusals=$(psql -qAtX -d "$SIGNET_PG" -c "SELECT count(*) FROM log.entry WHERE event = 'order.refused'")
[ "$refusals" -ge 34 ] || fail "only $refusals refusals are in the log"
echo "ok $refusals refusals are in the log"
