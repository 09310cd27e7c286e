"""
A renewal and a seal with signet-key on running services: holder_renews.py STATE WORK.
"""
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sim"))
from play import Applicant, Office  # noqa: E402
import usbkey  # noqa: E402
from usbkey import Failed, UsbKey  # noqa: E402

state, work = sys.argv[1:3]
office = Office(state, os.path.join(work, "devices"))
RUN = int(time.time()) % 900000 + 1000
PIN = "Sesame-2026"
random.seed(int(os.environ.get("SEED", RUN)))


def check(holds, what):
    if not holds:
        sys.exit(f"FAIL: {what}")
    print(f"ok {what}", flush=True)


def refused(what, error, act, *args, **more):
    try:
        act(*args, **more)
    except Failed as failed:
        check(failed.error == error, f"{what}: {failed.what}")
        return
    sys.exit(f"FAIL: {what}: it was done")


def verified(path):
    return subprocess.run(["openssl", "verify", "-CAfile", office.env["SIGNET_ROOT"], "-untrusted",
                           office.env["SIGNET_ISSUER"], path], stdout=subprocess.DEVNULL).returncode == 0


def renewing(applicant):
    """A renewal that waits for its client, and how to get a code."""
    number = applicant.file("renew", office.fields("renew", RUN))
    applicant.submit(number)
    return number, lambda: applicant.post(f"/v1/cases/{number}/client-code")["code"]


account = f"renews-{RUN}"
office.unit(account, RUN)
applicant = Applicant(office, account)
key = UsbKey(office, os.path.join(work, "keys"), f"RENEW-{RUN:07d}")
number, code = usbkey.certifiable(office, applicant, office.fields("new", RUN, seal="no"), key)
begun = time.monotonic()
key.run("activate", pins=[PIN], code=code)
took = time.monotonic() - begun
office.await_state(applicant, number, "activated")
office.bind(account, applicant)
first = key.certificate(number, os.path.join(work, "first.pem"))

# ---- The straight way ----------------------------------------------------------------

renewal, code = renewing(applicant)
refused("without a code of the page", "denied", key.run, "renew", renewal, pins=[PIN], code="00000000")
check(key.run("renew", renewal, "--wait", "0", pins=[PIN], code=code())["state"] == "signed", "signed with the present key")
check(office.state_of(applicant, renewal) == "awaiting-payment", "and now it is to be paid")
check(key.run("renew", renewal, "--wait", "0", pins=[PIN])["state"] == "signed", "before that nothing is installed")
office.pay(applicant, renewal)
until = time.monotonic() + 60
done = key.run("renew", renewal, pins=[PIN])
while done["state"] in ("signed", "waiting") and time.monotonic() < until:
    time.sleep(0.5)
    done = key.run("renew", renewal, pins=[PIN])
check(done["state"] not in ("signed", "waiting"), f"paid, the new certificate is installed: {done['state']}")
second = key.certificate(renewal, os.path.join(work, "second.pem"))
check(verified(second), "openssl verifies it")
listed = key.run("list", pins=[PIN])["certificates"]
check(sum(c["has_key"] for c in listed) == 2, "the old one is still there with its key")
check(key.run("renew", renewal, pins=[PIN])["state"] == done["state"], "once more: it is done")
paper = os.path.join(work, "paper")
with open(paper, "w") as file:
    file.write("after the renewal\n")
key.run("sign", paper, pins=[PIN])
signers = subprocess.run(["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", paper + ".p7s", "-content", paper,
                          "-noverify", "-signer", os.path.join(work, "signer.pem"), "-out", os.devnull], stderr=subprocess.PIPE)
serial = [subprocess.run(["openssl", "x509", "-in", p, "-noout", "-serial"], stdout=subprocess.PIPE, check=True).stdout
          for p in (second, os.path.join(work, "signer.pem"))]
check(signers.returncode == 0 and serial[0] == serial[1], "and files are signed with the new one")
live = [c for c in applicant.get("/v1/certificates")["certificates"] if c["state"] == "valid"]
check(len(live) == 1, "one certificate is valid")

# ---- Killed anywhere -----------------------------------------------------------------

renewal, code = renewing(applicant)
for _ in range(10):
    key.killed(random.uniform(0.0, took), "renew", renewal, "--wait", "0", pins=[PIN], code=code())
done = key.run("renew", renewal, "--wait", "0", pins=[PIN], code=code())
check(done["state"] == "signed", "a signing that was killed is signed in the end")
office.pay(applicant, renewal)
for _ in range(10):
    key.killed(random.uniform(0.0, took), "renew", renewal, pins=[PIN])
until = time.monotonic() + 60
done = key.run("renew", renewal, pins=[PIN])
while done["state"] in ("signed", "waiting") and time.monotonic() < until:
    time.sleep(0.5)
    done = key.run("renew", renewal, pins=[PIN])
third = key.certificate(renewal, os.path.join(work, "third.pem"))
check(verified(third), f"an installation that was killed is {done['state']} in the end")
check(len([c for c in key.objects("cert") if renewal in c]) == 1 and len(key.objects("privkey", PIN)) == 4,
      "with one certificate and one key for it")
live = [c for c in applicant.get("/v1/certificates")["certificates"] if c["state"] == "valid"]
check(len(live) == 1, "and one certificate is valid")
