"""
A renewal and a seal with signet-key on running services: holder_renews.py STATE WORK.
"""
import base64
import hashlib
import http.server
import json
import os
import random
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sim"))
from play import Applicant, Line, Office, Refused, canonical  # noqa: E402
import device  # noqa: E402
import usbkey  # noqa: E402
from judge import check  # noqa: E402
from usbkey import UsbKey, refused, verified  # noqa: E402

state, work = sys.argv[1:3]
office = Office(state, os.path.join(work, "devices"))
RUN = int(time.time()) % 900000 + 1000
PIN = "Sesame-2026"
random.seed(int(os.environ.get("SEED", RUN)))


def renewing(applicant):
    """A renewal that waits for its client, and how to get a code."""
    number = applicant.file("renew", office.fields("renew", RUN))
    applicant.submit(number)
    return number, lambda: applicant.post(f"/v1/cases/{number}/client-code")["code"]


def installed(number):
    """Asks until the CA has answered; the state of the renewal then."""
    until = time.monotonic() + 60
    while (found := key.run("renew", number, pins=[PIN])["state"]) in ("signed", "waiting") and time.monotonic() < until:
        time.sleep(0.5)
    return found


def live():
    return sum(c["state"] == "valid" for c in applicant.get("/v1/certificates")["certificates"])


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


def encrypted(label, name):
    """A file that openssl encrypts to the certificate of this label."""
    path = os.path.join(work, name)
    with open(path, "w") as file:
        file.write(f"{name}\n" * 100)
    to = key.certificate(label, path + ".pem")
    subprocess.run(["openssl", "cms", "-encrypt", "-binary", "-aes-256-cbc", "-in", path, "-outform", "DER", "-out", path + ".p7m", to],
                   check=True)
    return path


def opens(path):
    key.run("decrypt", path + ".p7m", "--out", path + ".out", "--force", pins=[PIN])
    with open(path, "rb") as before, open(path + ".out", "rb") as after:
        return before.read() == after.read()


old_files = [encrypted(f"encryption {number}", "of-the-first")]

# ---- The straight way ----------------------------------------------------------------

renewal, code = renewing(applicant)
refused("without a code of the page", "denied", key.run, "renew", renewal, pins=[PIN], code="00000000")
check(key.run("renew", renewal, "--wait", "0", pins=[PIN], code=code())["state"] == "signed", "signed with the present key")
check(office.state_of(applicant, renewal) == "awaiting-payment", "and now it is to be paid")
check(key.run("renew", renewal, "--wait", "0", pins=[PIN])["state"] == "signed", "before that nothing is installed")
office.pay(applicant, renewal)
reached = installed(renewal)
check(reached not in ("signed", "waiting"), f"paid, the new certificate is installed: {reached}")
second = key.certificate(renewal, os.path.join(work, "second.pem"))
check(verified(office, second), "openssl verifies it")
listed = key.run("list", pins=[PIN])["certificates"]
check(sum(c["has_key"] for c in listed) == 4 and sum(c["is_earlier"] for c in listed) == 1,
      "the old pair is still there with its keys")
old_files.append(encrypted(f"encryption {renewal}", "of-the-second"))
check(all(opens(path) for path in old_files), "what was encrypted before the renewal is decrypted, and what is after it")
check(key.run("renew", renewal, pins=[PIN])["state"] == reached, "once more: it is done")
paper = os.path.join(work, "paper")
with open(paper, "w") as file:
    file.write("after the renewal\n")
key.run("sign", paper, pins=[PIN])
signers = subprocess.run(["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", paper + ".p7s", "-content", paper,
                          "-noverify", "-signer", os.path.join(work, "signer.pem"), "-out", os.devnull], stderr=subprocess.PIPE)
serial = [subprocess.run(["openssl", "x509", "-in", p, "-noout", "-serial"], stdout=subprocess.PIPE, check=True).stdout
          for p in (second, os.path.join(work, "signer.pem"))]
check(signers.returncode == 0 and serial[0] == serial[1], "and files are signed with the new one")
check(live() == 2, "one pair is valid")

# ---- Killed anywhere -----------------------------------------------------------------

renewal, code = renewing(applicant)
for _ in range(10):
    key.killed(random.uniform(0.0, took), "renew", renewal, "--wait", "0", pins=[PIN], code=code())
check(key.run("renew", renewal, "--wait", "0", pins=[PIN], code=code())["state"] == "signed",
      "a signing that was killed is signed in the end")
office.pay(applicant, renewal)
for _ in range(10):
    key.killed(random.uniform(0.0, took), "renew", renewal, pins=[PIN])
reached = installed(renewal)
third = key.certificate(renewal, os.path.join(work, "third.pem"))
check(verified(office, third), f"an installation that was killed is {reached} in the end")
check(len([c for c in key.objects("cert") if renewal in c]) == 2 and len(key.objects("privkey", PIN)) == 8,
      "with one pair of certificates and a key for each")
check(live() == 2, "and one pair is valid")
old_files.append(encrypted(f"encryption {renewal}", "of-the-third"))
check(all(opens(path) for path in old_files), "files of three generations are decrypted")

# ---- A service that lies ---------------------------------------------------------------

def lying(office, folder, lie, answers=None):
    """The service behind a thief: what it says about the orders of a renewal goes through lie(orders)."""
    made = os.path.join(folder, "liar")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=liar", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", made + ".key", "-out", made + ".pem"],
                   check=True, stderr=subprocess.DEVNULL)
    honest = Line(office.env["SIGNET_RA_URL"], office.env["SIGNET_CA_BUNDLE"])
    heard = []

    class Liar(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            self.answer()

        def do_POST(self):
            self.answer()

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            heard.append(self.path)
            try:
                said = answers(self.path) if answers else honest.call(self.command, self.path, raw=body or None,
                                                                      headers={"Content-Type": "application/json"})
                status = 200
            except Refused as refused:
                said, status = refused.problem, refused.status
            if self.path.endswith("/request") and status == 200:
                lie(said["orders"])
            octets = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

    server = http.server.HTTPServer(("127.0.0.1", 0), Liar)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made + ".pem", made + ".key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, {"SIGNET_KEY_URL": f"https://127.0.0.1:{server.server_address[1]}", "SIGNET_KEY_CA_FILE": made + ".pem"}, heard


def told(one, order):
    """The order with digest and statement as an honest service writes them."""
    digest = hashlib.sha256(canonical(order)).hexdigest()
    statement = {**json.loads(one["statement"]), "digest": digest, "order_id": order["order_id"]}
    one.update({"order": order, "order_id": order["order_id"], "digest": digest, "statement": canonical(statement).decode()})


def second_renewal(orders):
    """In the place of the old one's end: a renewal for the thief's own key."""
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
                    "-keyout", os.path.join(work, "thief.key"), "-outform", "DER", "-out", os.path.join(work, "thief.csr")],
                   check=True, stderr=subprocess.DEVNULL)
    with open(os.path.join(work, "thief.csr"), "rb") as file:
        csr = base64.b64encode(file.read()).decode()
    told(orders[1], {**orders[0]["order"], "order_id": orders[1]["order_id"], "csr": csr})


def key_of_thief(orders):
    second_renewal(orders)
    told(orders[0], {**orders[1]["order"], "order_id": orders[0]["order_id"]})


def other_reason(orders):
    told(orders[1], {**orders[1]["order"], "reason": "keyCompromise"})


def for_another_device(orders):
    """The encryption key wrapped for the thief's transport key."""
    thief = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], check=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    spki = subprocess.run(["openssl", "pkey", "-pubout", "-outform", "DER"], input=thief, check=True, stdout=subprocess.PIPE).stdout
    order = orders[0]["order"]
    check("encryption" in order, "the order makes a pair")
    told(orders[0], {**order, "encryption": {**order["encryption"], "transport": base64.b64encode(spki).decode()}})


renewal, code = renewing(applicant)
for what, lie in (("a key that is wrapped for another device", for_another_device),
                  ("a second renewal in the place of the old one's end", second_renewal), ("a renewal for another key", key_of_thief),
                  ("another end than was agreed", other_reason)):
    server, env, heard = lying(office, work, lie)
    honest_env, key.env = key.env, {**key.env, **env}
    refused(f"{what} is not signed", "internal", key.run, "renew", renewal, "--wait", "0", pins=[PIN], code=code())
    key.env = honest_env
    server.shutdown()
    check(any(path.endswith("/request") for path in heard) and not any(path.endswith("/signature") for path in heard),
          "and nothing that was signed left the house")
check(key.run("renew", renewal, "--wait", "0", pins=[PIN], code=code())["state"] == "signed", "what an honest service says is")

# ---- What is left in memory --------------------------------------------------------------


def delivered(path):
    """A key that we know, wrapped for this device as the centre does."""
    transport = os.path.join(work, "transport.der")
    key.tool("--read-object", "--type", "pubkey", "--label", "signet-transport", "--output-file", transport)
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path], check=True,
                   stderr=subprocess.DEVNULL)
    private = subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", path, "-outform", "DER"], check=True,
                             stdout=subprocess.PIPE).stdout
    spki = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], check=True, stdout=subprocess.PIPE).stdout
    content_key = os.urandom(32)
    sealed = subprocess.run(["openssl", "pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", transport, "-pkeyopt",
                             "rsa_padding_mode:oaep"], input=content_key, check=True, stdout=subprocess.PIPE).stdout
    return {"key_type": "rsa-2048", "spki": base64.b64encode(spki).decode(), "certificates": [],
            "wrapped": base64.b64encode(device.key_wrap(content_key, private)).decode(),
            "content_key": base64.b64encode(sealed).decode()}


def memory_of_client():
    """signet-key waits for the answer to its last word, with the key in the device: what is in its memory then?"""
    path = os.path.join(work, "known.pem")
    one, said = delivered(path), {}
    child = None

    def hold(call):
        if call.endswith("/keys"):
            return {"number": renewal, "recovery": {"state": "done", "keys": [one]}}
        said["found"] = subprocess.run([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kmc_memory.py"),
                                        str(child.pid), path], stdout=subprocess.PIPE, check=True, text=True).stdout
        return {"number": renewal, "state": "installed"}

    server, env, _ = lying(office, work, None, hold)
    # The simulated device is in this process, and frees what it has worked with. A sanitizer
    # would keep that aside as it was.
    env["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":max_free_fill_size=1048576:free_fill_byte=0"
    child = subprocess.Popen(key.command("recover", renewal, pins=[PIN]), env={**key.env, **env}, stdout=subprocess.PIPE, text=True)
    answer = json.loads(child.communicate()[0])
    server.shutdown()
    check(answer["ok"] and answer["earlier_keys"] == 1, f"a key that we know is delivered {answer.get('what', '')}")
    check(said["found"] == "", f"and its octets are nowhere in the memory of signet-key {said['found']}")


if os.getuid() == 0:
    memory_of_client()
