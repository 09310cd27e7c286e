"""
signet-key on running services: holder_online.py STATE WORK.
"""
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sim"))
from play import Applicant, Office, Refused  # noqa: E402
import usbkey  # noqa: E402
from judge import check, fail  # noqa: E402
from usbkey import Failed, UsbKey, refused, verified  # noqa: E402

state, work = sys.argv[1:3]
office = Office(state, os.path.join(work, "devices"))
RUN = int(time.time()) % 900000 + 1000
PIN, NEW_PIN, LAST_PIN = "Sesame-2026", "Open-Sesame-27", "Third-Pin-28"
KILLS = 20
random.seed(int(os.environ.get("SEED", RUN)))


def openssl(*args):
    return subprocess.run(["openssl", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def applicant_of(n):
    account = f"holder-{RUN}-{n}"
    office.unit(account, RUN * 10 + n)
    return Applicant(office, account), office.fields("new", RUN * 10 + n, seal="no")


def holds_one_pair(key, number, pin):
    """What other programs find on the device: two certificates, a key for each."""
    labelled = [text for text in key.objects("cert") if number in text]
    check(len(labelled) == 2 and sum(f"encryption {number}" in text for text in labelled) == 1,
          f"{number}: two certificates on the device, one for encryption")
    check(len(key.objects("pubkey")) == 4 and len(key.objects("privkey", pin)) == 4,
          f"{number}: a key for each beside the device's two")


# ---- The maker, and the way to the holder --------------------------------------------

applicant, fields = applicant_of(1)
key = UsbKey(office, os.path.join(work, "keys"), f"HOLD-{RUN:07d}-1")
refused("a device that was not personalised", "not_found", key.run, "activate", pins=[PIN], code="A" * 12)
number, code = usbkey.certifiable(office, applicant, fields, key)
check(key.tool("--login", "--login-type", "so", "--so-pin", usbkey.FACTORY_ADMIN, "--init-pin", "--new-pin", PIN)[0] != 0,
      "the factory's administrator PIN is no more")
own = key.objects("privkey")
check(len(own) == 1 and "always sensitive, never extractable, local" in own[0],
      "the device's own key was made inside, and is seen without login")

# ---- Activation ----------------------------------------------------------------------

wrong = ("3" if code[0] == "2" else "2") + code[1:]
refused("a wrong code", "denied", key.run, "activate", pins=[PIN], code=wrong)
check(key.tool("--login", "--pin", usbkey.TRANSPORT, "-O")[0] == 0, "and the PIN is still that of the transport")
refused("a PIN that is none", "input", key.run, "activate", pins=["12345678"], code=code)
begun = time.monotonic()
done = key.run("activate", pins=[PIN], code=code)
took = time.monotonic() - begun
check(done["state"] == "done" and done["number"] == number, "the device with its code gets its certificate")
certificate = key.certificate(number, os.path.join(work, "holder.pem"))
check(verified(office, certificate), "openssl verifies it")
holds_one_pair(key, number, PIN)
check(key.tool("--login", "--pin", usbkey.TRANSPORT, "-O")[0] != 0, "the PIN of the transport is no more")
check(key.run("activate", pins=[PIN])["state"] == "done", "once more, without a code: it is done")
holds_one_pair(key, number, PIN)
office.await_state(applicant, number, "activated")
office.bind(applicant.account, applicant)
listed = key.run("list", pins=[PIN])["certificates"]
check(any(c["purpose"] == "signing" and c["has_key"] for c in listed), "signet-key lists it with its key")

# ---- What it is for ------------------------------------------------------------------

paper = os.path.join(work, "tender.txt")
with open(paper, "w") as file:
    file.write("投标文件\n" * 1000)
key.run("sign", paper, pins=[PIN])
trust = os.path.join(work, "trust.pem")
with open(trust, "w") as file:
    for name in ("SIGNET_ROOT", "SIGNET_ISSUER"):
        with open(office.env[name]) as part:
            file.write(part.read())
check(key.run("verify", paper + ".p7s", paper, "--ca-file", trust)["signer"] != "", "a signature verifies with the chain")
judged = openssl("cms", "-verify", "-binary", "-inform", "DER", "-in", paper + ".p7s", "-content", paper, "-CAfile", trust,
                 "-purpose", "any", "-out", os.devnull)
check(judged.returncode == 0, f"for openssl too {judged.stdout if judged.returncode else ''}")

secret = os.path.join(work, "secret.txt")
with open(secret, "w") as file:
    file.write("只有本单位能看\n")
partners = key.certificate(f"encryption {number}", os.path.join(work, "encryption.pem"))
check(verified(office, partners), "openssl verifies the certificate for encryption")
made = openssl("cms", "-encrypt", "-binary", "-aes-256-cbc", "-in", secret, "-outform", "DER", "-out", secret + ".p7m", partners)
check(made.returncode == 0, "openssl encrypts to it")
key.run("decrypt", secret + ".p7m", "--out", secret + ".out", pins=[PIN])
with open(secret) as before, open(secret + ".out") as after:
    check(before.read() == after.read(), "and signet-key decrypts, with the key that was delivered")
check(len({c["pair"] for c in listed if c["purpose"] != "issuer"}) == 1
      and sorted(c["purpose"] for c in listed if c["has_key"]) == ["encryption", "signing"], "both are listed as one pair")
check(all("sensitive" in text and "extractable" not in text.replace("never extractable", "")
          for text in key.objects("privkey", PIN)), "and every key stays inside")
check(key.run("recover", pins=[PIN])["state"] == "nothing", "no other key waits for the device")

# ---- A forgotten PIN -----------------------------------------------------------------

for _ in range(10):
    try:
        key.run("list", pins=["Wrong-Pin-1"])
    except Failed:
        pass
check(key.run("status")["devices"][0]["is_locked"], "ten wrong PINs lock it")
refused("the right PIN is of no use then", "conflict", key.run, "list", pins=[PIN])
who = {name: value for name, value in fields.items() if name.startswith("handler_")}


def unlocking():
    one = applicant.file("unlock", who)
    check(applicant.submit(one) == "approved", "an unlocking by the handler of record")
    before = len(office.world.call("GET", "/sms"))
    check(key.run("unlock", one, "--ask-code")["state"] == "code-sent", "a one-time password is sent")
    return one, office.world.code_for(who["handler_mobile"], r"验证码([0-9]{6})", after=before)


number, code = unlocking()
refused("a wrong one-time password", "denied", key.run, "unlock", number, pins=[NEW_PIN],
        code="%06d" % ((int(code) + 1) % 10 ** 6))
check(key.run("unlock", number, pins=[NEW_PIN], code=code)["state"] == "done", "the right one sets a new PIN")
check(key.run("list", pins=[NEW_PIN])["certificates"] != [], "the new PIN works")
check(not key.run("status")["devices"][0]["is_locked"], "and nothing is locked")
refused("the old PIN does not", "denied", key.run, "list", pins=[PIN])

# Killed anywhere: the administrator PIN is one of two, and never lost.
number, code = unlocking()
for _ in range(8):
    key.killed(random.uniform(0.0, took), "unlock", number, pins=[LAST_PIN], code=code)
check(key.run("unlock", number, pins=[LAST_PIN], code=code)["state"] == "done"
      and key.run("list", pins=[LAST_PIN])["certificates"] != [], "an unlocking that was killed is done in the end")
number, code = unlocking()
check(key.run("unlock", number, pins=[PIN], code=code)["state"] == "done", "and the next one finds its administrator PIN")

# ---- The page wants to see device and certificate -------------------------------------

seal = applicant.file("seal", office.fields("seal", RUN * 10 + 1))
try:
    applicant.submit(seal)
    fail("a seal without a proof")
except Refused as nobody:
    check(nobody.status == 409, "a seal is not to be had without the device")
page = applicant.post(f"/v1/cases/{seal}/client-code")["code"]
refused("a code that the page does not show", "denied", key.run, "prove", pins=[PIN],
        code=("A" if page[0] != "A" else "B") + page[1:])
check(key.run("prove", pins=[PIN], code=page)["number"] == seal, "the device proves itself by the code of the page")
check(applicant.submit(seal) == "form-ready", "and the seal is applied for")
refused("a seal that nobody made", "conflict", key.run, "install-seal", seal, paper, pins=[PIN])
check(not any("seal/" in text for text in key.objects("data", PIN)), "and it is not left on the device")

# ---- Killed in the middle of activation ----------------------------------------------

applicant, fields = applicant_of(2)
key = UsbKey(office, os.path.join(work, "keys"), f"HOLD-{RUN:07d}-2")
number, code = usbkey.certifiable(office, applicant, fields, key, kills=[took * i / 8 for i in range(6)])
# A little later each time: everywhere between the first step and the last.
struck = sum(key.killed(took * (i + random.random()) / KILLS, "activate", pins=[PIN], code=code) for i in range(KILLS))
done = key.run("activate", pins=[PIN], code=code)
check(done["state"] == "done" and done["number"] == number, f"{struck} of {KILLS} killed while at work; then it is done")
holds_one_pair(key, number, PIN)
certificate = key.certificate(number, os.path.join(work, "killed.pem"))
check(verified(office, certificate), "openssl verifies that one")
check(len(applicant.get("/v1/certificates")["certificates"]) == 2, "and the CA issued one pair")
