#!/bin/sh
# The simulated USB key is a device: the tenth wrong PIN in a row locks it, by
# whatever way it comes, also when the plug is pulled in the middle; the right PIN
# begins anew, and the administrator unlocks. pkcs11-tool is the judge.
set -eu
. "$(dirname "$0")/lib.sh"
STATE=$WORK/state
mkdir "$STATE"
KEYS=$STATE/usbkeys
export SIGNET_USBKEY="$KEYS/plugged"
tool() { pkcs11-tool --module "$SIGNET_BUILD/bin/usbkey-sim.so" "$@" 2>&1; }
code_of() { sed -n 's/.*\(CKR_[A-Z_]*\).*/\1/p' | head -n 1; }
wrong_login() { tool --login --pin wrong-pin -O | code_of; }
wrong_change() { tool --change-pin --login --pin "$1" --new-pin 'Other-1234' | code_of; }
wrong_unlock() { tool --login --login-type so --so-pin 00000000 --init-pin --new-pin 'Fresh-1234' | code_of; }
flags() { tool -L | sed -n 's/.*token flags *: //p'; }
signet() { "$SIGNET" "$@" --state "$STATE"; }

signet device new SIM-0001 >/dev/null
signet device new SIM-0002 >/dev/null
want 'without a device there is no slot' 'No slots.' "$(tool -L | grep '^No slots')"
signet device plug SIM-0001
want 'the device tells its serial number' SIM-0001 "$(tool -L | sed -n 's/.*serial num *: //p')"
want 'the list says what is plugged in' 'SIM-0001 plugged SIM-0002' "$(signet device list | tr '\n' ' ' | sed 's/ $//')"

tool --login --pin 12345678 --keypairgen --key-type EC:prime256v1 --id 01 --label holder >/dev/null
for i in 1 2 3 4 5 6 7 8 9; do want "wrong PIN $i" CKR_PIN_INCORRECT "$(wrong_login)"; done
flags | grep -q 'final user PIN try' || fail 'the last try is not told'
tool --login --pin 12345678 -O | grep -q holder || fail 'the right PIN at the tenth try'
flags | grep -q 'count low' && fail 'the right PIN does not begin anew'

# Two ways, one counter: a change of PIN is a guess too.
for i in 1 2 3 4 5; do want "login $i" CKR_PIN_INCORRECT "$(wrong_login)"; done
for i in 6 7 8 9; do want "change $i" CKR_PIN_INCORRECT "$(wrong_change wrong-pin)"; done
want 'the tenth locks' CKR_PIN_LOCKED "$(wrong_login)"
want 'the right PIN is of no use then' CKR_PIN_LOCKED "$(tool --login --pin 12345678 -O | code_of)"
want 'nor by a change' CKR_PIN_LOCKED "$(wrong_change 12345678)"
flags | grep -q 'user PIN locked' || fail 'the lock is not told'
want 'another device is not locked' 0 "$(signet device plug SIM-0002 && tool --login --pin 12345678 -O >/dev/null && echo $?)"
signet device plug SIM-0001
want 'plugging in again unlocks nothing' CKR_PIN_LOCKED "$(tool --login --pin 12345678 -O | code_of)"

want 'too short a PIN' CKR_PIN_LEN_RANGE "$(tool --login --login-type so --so-pin 87654321 --init-pin --new-pin abc | code_of)"
tool --login --login-type so --so-pin 87654321 --init-pin --new-pin 'Fresh-1234' >/dev/null
tool --login --pin 'Fresh-1234' -O | grep -q holder || fail 'the administrator unlocks, and the key is still there'
for i in 1 2 3 4 5 6 7 8 9; do want "wrong administrator PIN $i" CKR_PIN_INCORRECT "$(wrong_unlock)"; done
want "the administrator's PIN locks too" CKR_PIN_LOCKED "$(wrong_unlock)"

# Killed in the middle of a try: it was counted before. At any moment of many.
signet device plug SIM-0002
n=0
while [ "$n" -lt 40 ]; do
    n=$((n + 1))
    tool --login --pin wrong-pin -O >/dev/null &
    victim=$!
    sleep "0.0$((n % 5))$n"
    kill -9 "$victim" 2>/dev/null || true
    wait "$victim" 2>/dev/null || true
done
locked=no
for i in 1 2 3 4 5 6 7 8 9 10; do [ "$(wrong_login)" != CKR_PIN_LOCKED ] || locked=$i; done
[ "$locked" != no ] || fail 'ten whole tries after forty killed ones do not lock'
want 'a counter that cannot be read is a lock' CKR_PIN_LOCKED \
    "$(echo garbage >"$KEYS/SIM-0002/tries" && tool --login --pin 12345678 -O | code_of)"
