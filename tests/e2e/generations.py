"""
Generations of encryption keys of one holder: generations.py STATE WORK.
"""
import os
import subprocess
import sys
import time

SIM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sim")
sys.path.insert(0, SIM)
from centre import OPERATORS, RA_OFFICER, Centre  # noqa: E402
from play import Applicant, Office  # noqa: E402
import usbkey  # noqa: E402
from judge import Sql, check, fail  # noqa: E402
from usbkey import UsbKey, refused, verified  # noqa: E402

state, work = sys.argv[1:3]
office, centre = Office(state, os.path.join(work, "devices")), Centre(state)
sql = Sql(office)
RUN = int(time.time()) % 900000 + 1000
PIN = "Sesame-2026"
account = f"generations-{RUN}"
office.unit(account, RUN)
applicant = Applicant(office, account)
first, second = office.who("first"), office.who("second")


def openssl(*args):
    return subprocess.run(["openssl", *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


# ---- What a partner does ---------------------------------------------------------------

class Pair:
    """Both certificates of a case as the registration authority gives them."""

    def __init__(self, number):
        listed = [one for one in applicant.get("/v1/certificates")["certificates"] if one["number"] == number]
        check(sorted(one["pair"] for one in listed) == [1, 2], f"{number}: one pair")
        self.serials = [one["serial"] for one in sorted(listed, key=lambda one: one["pair"])]
        self.paths = []
        for one in sorted(listed, key=lambda one: one["pair"]):
            path = os.path.join(work, f"{number}-{one['pair']}.pem")
            with open(path, "w") as file:
                file.write(first.get(f"/v1/certificates/{one['issuer']}/{one['serial']}")["chain"][0])
            check(verified(office, path), f"{number}: openssl verifies certificate {one['pair']}")
            self.paths.append(path)
        signing, encryption = ([openssl("x509", "-in", path, "-noout", what) for what in ("-subject", "-dates", "-issuer")]
                               for path in self.paths)
        check(signing == encryption, f"{number}: same subject, period and issuer")
        self.not_after = openssl("x509", "-in", self.paths[1], "-noout", "-enddate")

    def encrypted(self, name):
        """A file for the holder, by openssl."""
        path = os.path.join(work, name)
        with open(path, "w") as file:
            file.write(f"只有持有人能看 {name}\n" * 500)
        openssl("cms", "-encrypt", "-binary", "-aes256", "-in", path, "-outform", "DER", "-out", path + ".p7m", self.paths[1])
        return path

    def status(self, expected, wait_s=10):
        """What the responder says of both halves."""
        until = time.monotonic() + wait_s
        for path in self.paths:
            while True:
                said = subprocess.run(["openssl", "ocsp", "-issuer", office.env["SIGNET_ISSUER"], "-cert", path, "-url",
                                       office.env["SIGNET_OCSP_URL"], "-CAfile", office.env["SIGNET_CA_BUNDLE"], "-no_nonce"],
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
                if f": {expected}" in said.split("\n")[0]:
                    break
                if time.monotonic() > until:
                    fail(f"OCSP should say {expected} of both halves and says {said}")
                time.sleep(0.2)
        check(True, f"OCSP says {expected} of both halves")


def opens(key, *paths):
    """signet-key decrypts each of these."""
    for path in paths:
        key.run("decrypt", path + ".p7m", "--out", path + ".out", "--force", pins=[PIN])
        with open(path, "rb") as before, open(path + ".out", "rb") as after:
            if before.read() != after.read():
                return False
    return True


def opens_not(key, *paths):
    for path in paths:
        refused("a file of an earlier certificate does not open", "not_found", opens, key, path)


# ---- What the device shows to others -----------------------------------------------------

def stays_inside(key, count):
    """So many encryption keys, and none of any kind can be taken out."""
    objects = key.objects("privkey", PIN)
    delivered = [text for text in objects if "encryption" in text.split("label:")[1].split("\n")[0]]
    check(len(delivered) == count, f"{count} encryption keys are on the device")
    own = [text for text in objects if text not in delivered]
    check(all("always sensitive, never extractable, local" in text for text in own), "own keys were made inside, and never left")
    # CKA_NEVER_EXTRACTABLE tells of a key's whole life: what came from elsewhere cannot have it.
    check(all("sensitive" in text and "extractable" not in text and "local" not in text for text in delivered),
          "delivered ones are sensitive, and not extractable")
    said = subprocess.run([sys.executable, os.path.join(SIM, "private_values.py"), key.module, PIN], env=key.env, check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    check(said == f"{len(objects)} keys asked\n", f"no private value is given to who asks: {said.strip()}")


# ---- What people do ----------------------------------------------------------------------

def new_key(n):
    return UsbKey(office, os.path.join(work, "keys"), f"GEN-{RUN:07d}-{n}")


def reissue(key, encrypted_files="deliver"):
    """A lost device's case as far as the parcel with its successor."""
    fields = office.fields("reissue", RUN, seal="no", seals="[]", encrypted_files=encrypted_files)
    number = office.filed(applicant, "reissue", fields)
    office.pay(applicant, number)
    office.await_state(applicant, number, "first-review")
    first.decide(number, "first-review")
    parcel = usbkey.send(office, number, key)
    office.receive(number)
    second.decide(number, "second-review")
    return number, parcel


def activated(key, number, parcel):
    """With its code; what signet-key says, and the new pair."""
    usbkey.deliver(office, parcel)
    said = key.run("activate", pins=[PIN], code=usbkey.activation_code(office, number, f"138{RUN % 100000000:08d}"))
    office.await_state(applicant, number, "activated")
    office.bind(account, applicant)
    check(said["state"] == "done", f"{number}: activated, {said.get('earlier_keys', 0)} earlier keys came")
    return said, Pair(number)


# ---- The first device, and a renewal on it -------------------------------------------------

key = new_key(1)
number, code = usbkey.certifiable(office, applicant, office.fields("new", RUN, seal="no", seals="[]"), key)
said = key.run("activate", pins=[PIN], code=code)
office.await_state(applicant, number, "activated")
office.bind(account, applicant)
check(said["state"] == "done" and "recovery" not in said, "a first activation has no earlier keys to wait for")
old = Pair(number)
old.status("good")
files = [old.encrypted("of-the-first")]
stays_inside(key, 1)

number = applicant.file("renew", office.fields("renew", RUN))
applicant.submit(number)
code = applicant.post(f"/v1/cases/{number}/client-code")["code"]
key.run("renew", number, "--wait", "0", pins=[PIN], code=code)
office.pay(applicant, number)
office.await_state(applicant, number, "issued")
check(key.run("renew", number, pins=[PIN])["state"] == "installed", "renewed")
pair = Pair(number)
old.status("revoked")
files.append(pair.encrypted("of-the-second"))
check(opens(key, *files), "both files open on the renewed device, without anybody's approval")
stays_inside(key, 2)
check(not centre.cases_of(account, "open", "approved", "done"), "and the centre has not recovered anything")

# ---- Lost: the centre decides while the new device is on its way -----------------------------

old, lost, key = pair, key, new_key(2)
number, parcel = reissue(key)
old.status("revoked")  # held
case = centre.recovered(account)
check(office.state_of(applicant, number) == "activation-allowed", "all have agreed before the parcel arrives")
refused("without its activation the device gets no earlier keys", "conflict", key.run, "recover", pins=[PIN])
said, pair = activated(key, number, parcel)
check(said["earlier_keys"] == 2 and said["recovery"] == "done", "both came in the same act")
old.status("revoked")
pair.status("good")
check(pair.not_after == old.not_after, "the same end")
check(opens(key, *files), "both files open on the new device")
files.append(pair.encrypted("of-the-third"))
check(opens(key, *files), "and what is sent now")
stays_inside(key, 3)
check(centre.as_officer("answer", case) is None, "what was received is gone at the centre")
refused("the lost device gets nothing", "conflict", lost.run, "recover", pins=[PIN])

# ---- A change: the same device comes back, and is erased ---------------------------------------

old = pair
office.unit(account, RUN, f"更名{RUN}有限公司")
number = applicant.file("change", office.fields("change", RUN, f"更名{RUN}有限公司", seal="no", seals="[]",
                                                          encrypted_files="deliver"))
key.run("prove", pins=[PIN], code=applicant.post(f"/v1/cases/{number}/client-code")["code"])
applicant.submit(number)
applicant.fill_slots(number)
applicant.hand_in(number)
first.decide(number, "first-review")
office.receive(number)
second.decide(number, "second-review")
refused("a device with a holder's keys is not made anew", "conflict", usbkey.send, office, number, key, is_new=False)
key.erase()
parcel = usbkey.send(office, number, key, is_new=False)
centre.recovered(account)
said, pair = activated(key, number, parcel)
check(said["earlier_keys"] == 3, "three earlier keys came back into the erased device")
old.status("revoked")
check(pair.not_after == old.not_after, "the same end")
check(opens(key, *files), "three generations of files open")
files.append(pair.encrypted("of-the-fourth"))
stays_inside(key, 4)

# ---- The eighth business: a key is gone from the device in use -----------------------------------

listed = [one for one in key.run("list", pins=[PIN])["certificates"] if one["is_earlier"]]
check(len(listed) == 3, "list shows three earlier encryption certificates")
for text in key.objects("privkey", PIN):
    label, key_id = (next(line for line in text.split("\n") if line.strip().startswith(name + ":")).split(":", 1)[1].strip()
                     for name in ("label", "ID"))
    if label == "earlier encryption":
        for kind in ("privkey", "pubkey", "cert"):
            key.tool("--login", "--pin", PIN, "--delete-object", "--type", kind, "--id", key_id)
opens_not(key, files[0], files[1], files[2])
begun = key.run("recover", "--start", pins=[PIN])
number = begun["number"]
body = applicant.case(number)
applicant.put(f"/v1/cases/{number}", {"revision": body["revision"], "fields": office.fields("recover", RUN)})
check(applicant.submit(number) == "form-ready", "a recovery begun by the device is filled in on the page")
applicant.fill_slots(number)
applicant.hand_in(number)
first.decide(number, "first-review")
check(key.run("recover", pins=[PIN])["state"] == "nothing", "after one review nothing waits")
second.decide(number, "second-review")
case = centre.open_case(account)
check(key.run("recover", number, pins=[PIN])["earlier_keys"] == 0, "nor after two, before the centre agrees")
centre.recovered(account)
office.await_state(applicant, number, "keys-ready")
said = key.run("recover", pins=[PIN])
check(said["earlier_keys"] == 4 and said["state"] == "installed", "then all of the holder's keys come")
check(opens(key, *files), "four generations of files open")
stays_inside(key, 4)
check(key.run("recover", pins=[PIN])["state"] == "nothing", "and nothing is left to fetch")

# ---- The operators take their time: first the new device, then its earlier keys --------------------

key = new_key(3)
number, parcel = reissue(key)
case = centre.open_case(account)
check(centre.decide(case, RA_OFFICER, *OPERATORS[1:3]), "an officer and two operators agree")
said, pair = activated(key, number, parcel)
check(said["earlier_keys"] == 0 and said["recovery"] == "open", "two of three recover nothing; the certificates are there")
opens_not(key, *files)
stays_inside(key, 1)
check(key.run("recover", pins=[PIN])["earlier_keys"] == 0, "nor when asked for")
centre.decide(case, OPERATORS[1])
check(centre.state_of(case) == "open", "one operator does not count twice")
check(centre.decide(case, OPERATORS[4]), "the third agrees")
centre.await_state(case, "done")
check(key.run("recover", pins=[PIN])["earlier_keys"] == 4, "recover fetches the earlier keys later")
check(opens(key, *files), "four generations of files open")
stays_inside(key, 5)
files.append(pair.encrypted("of-the-fifth"))

# ---- Refused at the centre; not wanted by the holder -------------------------------------------------

key = new_key(4)
number, parcel = reissue(key)
case = centre.open_case(account)
check(centre.decide(case, OPERATORS[0]) and centre.decide(case, OPERATORS[1], verdict="refuse"), "an operator refuses")
check(centre.state_of(case) == "refused", "and that ends the case")
said, pair = activated(key, number, parcel)
check(said["earlier_keys"] == 0 and said["recovery"] == "refused", "the holder is told, and has a new pair")
opens_not(key, *files)
check(key.run("recover", pins=[PIN])["state"] == "nothing", "nothing can be fetched")

key = new_key(5)
number, parcel = reissue(key, encrypted_files="refuse")
said, pair = activated(key, number, parcel)
check(said["earlier_keys"] == 0 and "recovery" not in said, "who did not want the earlier keys gets none")
check(not centre.cases_of(account, "open", "approved"), "and nobody at the centre was asked")
opens_not(key, *files)
stays_inside(key, 1)

# ---- What holds for all --------------------------------------------------------------------------------

check(sql(f"SELECT count(*) FROM kmc.escrowed_key WHERE holder = '{account}'") == "7", "seven pairs, seven keys at the centre")
sql.until(f"SELECT count(*) FROM kmc.escrowed_key WHERE holder = '{account}' AND state = 'in-use'", "1", wait_s=20)
check(sql(f"SELECT count(*) FROM ca.certificate WHERE account = '{account}' AND state = 'valid'") == "2", "one of them valid")
check(sql("SELECT count(*) FROM kmc.recovery_case WHERE answer IS NOT NULL") == "0", "no recovered key is left anywhere")
status, said = centre.signet("kmc", "verify")
check(status == 0, f"the centre's records are right: {said.strip()}")
time.sleep(1)  # the export ends before the second that runs
log = os.path.join(work, "log.jsonl")
status, said = centre.signet("audit", "export", "--from", "2020-01-01T00:00:00Z", "--to", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                             "--format", "jsonl", "--out", log)
check(status == 0, f"the log is exported {said.strip()}")
with open(os.path.join(work, "log-key.pem"), "wb") as file:
    der = bytes.fromhex(sql("SELECT encode(spki, 'hex') FROM ca.log_key WHERE state = 'active'"))
    file.write(subprocess.run(["openssl", "pkey", "-pubin", "-inform", "DER"], input=der, check=True, stdout=subprocess.PIPE).stdout)
judged = subprocess.run([os.path.join(usbkey.BUILD, "bin", "signet"), "audit", "verify", log, "--key", file.name], env={},
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
check(judged.returncode == 0, f"and an auditor finds nothing wrong {judged.stdout if judged.returncode else ''}")
sql.histories_are_chains()
