"""
A simulated USB key with its client: one folder for each device, keys as files.
It speaks to a running signet-ra as docs/openapi.yaml says under "client", and
shares no code with Signet: Python's standard library and the openssl command.

usage: device.py --dir DIR [--url URL --cafile FILE] VERB ...
  blank SERIAL                 a device as it comes from the factory
  personalise --number N --cert C --key K
                               at the maker's station: own key, transport key, administrator PIN
  activate --code C --pin PIN  with the activation code of the text message
  prove --code C               device and certificate are there (code of the page)
  renew --number N --code C    signs the renewal
  install --number N           takes the renewed certificate in, and confirms
  keys [--number N]            takes encryption keys in that wait for this device, and confirms
  seal --number N              confirms an installed seal
  unlock --number N            asks for the one-time password
  unlock --number N --code C --pin NEW
                               sets a new PIN with the administrator PIN
  pin PIN                      tries the PIN; the tenth wrong one in a row locks
  show                         what the device holds

DIR: serial, device.key (its own), transport.key, key.pem and cert.pem (the
holder's), encryption.pem (its second certificate), encryption/ID.key and ID.pem
(all encryption keys, by SHA-256 of their SPKI), csr.der and next.* (what is on
its way), pins.json. It stands in for hardware: attacks on the files are out of
its scope.
"""
import argparse
import base64
import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

from play import Line, Refused, canonical, now

TRIES_MAX = 10  # domain.md, 1.8 #5


def b64(data):
    return base64.b64encode(data).decode()


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def key_wrapping(key, data, is_wrapping):
    """RFC 5649 with AES-256: the openssl command does not offer it, its library does."""
    crypto = ctypes.CDLL("libcrypto.so.3")
    for name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_wrap_pad"):
        getattr(crypto, name).restype = ctypes.c_void_p
    context = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
    out, length = ctypes.create_string_buffer(len(data) + 24), ctypes.c_int(0)
    try:
        crypto.EVP_CIPHER_CTX_set_flags(context, 1)  # EVP_CIPHER_CTX_FLAG_WRAP_ALLOW
        cipher = ctypes.c_void_p(crypto.EVP_aes_256_wrap_pad())
        if crypto.EVP_CipherInit_ex(context, cipher, None, key, None, int(is_wrapping)) != 1 \
                or crypto.EVP_CipherUpdate(context, out, ctypes.byref(length), data, len(data)) != 1:
            raise ValueError("the wrapped key does not open")
    finally:
        crypto.EVP_CIPHER_CTX_free(context)
    return out.raw[:length.value]


def key_wrap(key, clear):
    return key_wrapping(key, clear, True)


def key_unwrap(key, wrapped):
    return key_wrapping(key, wrapped, False)


class Device:
    """What is in the hand: keys that do not leave, PINs that are counted."""

    def __init__(self, folder, url=None, cafile=None):
        self.folder = os.path.abspath(folder)
        self.line = Line(url, cafile) if url else None

    # ---- Inside ------------------------------------------------------------------

    def path(self, name):
        return os.path.join(self.folder, name)

    def has(self, name):
        return os.path.exists(self.path(name))

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def write(self, name, data):
        """Whole or not at all: a device that is pulled out keeps the old."""
        part = self.path(name) + ".part"
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, self.path(name))

    @property
    def serial(self):
        return self.read("serial").decode().strip()

    def pins(self):
        return json.loads(self.read("pins.json")) if self.has("pins.json") else {"tries": 0, "admin_tries": 0}

    def keep(self, pins):
        self.write("pins.json", json.dumps(pins, sort_keys=True).encode())

    def make_key(self, name):
        if not self.has(name):
            self.write(name, openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))

    def spki(self, name):
        return openssl("pkey", "-in", self.path(name), "-pubout", "-outform", "DER")

    def sign(self, name, data):
        return b64(openssl("dgst", "-sha256", "-sign", self.path(name), data=data))

    def request(self, key, csr):
        """The same request as long as the key is: a client that was stopped goes on."""
        self.make_key(key)
        if not self.has(csr):
            self.write(csr, openssl("req", "-new", "-key", self.path(key), "-subj", "/CN=holder", "-outform", "DER"))
        return self.read(csr)

    def is_locked(self):
        return self.pins().get("tries", 0) >= TRIES_MAX

    def check_pin(self, pin):
        """Counted before it is compared, as a device does."""
        pins = self.pins()
        if pins["tries"] >= TRIES_MAX:
            return False
        pins["tries"] += 1
        self.keep(pins)
        if pin != pins.get("pin"):
            return False
        pins["tries"] = 0
        self.keep(pins)
        return True

    def reset_pin(self, admin, next_admin, pin):
        """With the administrator PIN: a new user PIN, the next administrator PIN."""
        pins = self.pins()
        if pins["admin_tries"] >= TRIES_MAX:
            return False
        pins["admin_tries"] += 1
        self.keep(pins)
        if admin != pins.get("admin"):
            return False
        pins.update(pin=pin, tries=0, admin=next_admin, admin_tries=0)
        self.keep(pins)
        return True

    # ---- Calls -------------------------------------------------------------------

    def call(self, action, number, key, **more):
        """{"device", "signed_at", "signature"}: over {"action", "device", "number", "signed_at"}."""
        statement = {"action": action, "device": self.serial, "number": number, "signed_at": now()}
        return {"device": self.serial, "signed_at": statement["signed_at"],
                "signature": self.sign(key, canonical(statement)), **more}

    def wait(self, order_id, timeout_s=60):
        """Until the CA has answered."""
        until = time.monotonic() + timeout_s
        while True:
            answer = self.line.get(f"/v1/client/activations/{order_id}")
            if answer["state"] in ("done", "refused") or time.monotonic() > until:
                return answer
            time.sleep(0.2)

    def take_certificates(self, answer):
        """Whether there is one for encryption, whose key the centre has made."""
        os.makedirs(self.path("encryption"), mode=0o700, exist_ok=True)
        for one in answer["certificates"]:
            certificate = openssl("x509", "-inform", "DER", data=base64.b64decode(one["certificate"]))
            if one["pair"] == 1:
                self.write("cert.pem", certificate)
                continue
            self.write("encryption.pem", certificate)
            public = openssl("x509", "-pubkey", "-noout", data=certificate)
            self.write(self.encryption_name(openssl("pkey", "-pubin", "-outform", "DER", data=public)) + ".pem", certificate)
        return any(one["pair"] == 2 for one in answer["certificates"])

    # ---- Encryption keys ---------------------------------------------------------

    def encryption_name(self, spki):
        return os.path.join("encryption", hashlib.sha256(spki).hexdigest()[:40])

    def take_key(self, one):
        """Opened by the transport key, and held against its public half; once."""
        spki = base64.b64decode(one["spki"])
        name = self.encryption_name(spki)
        os.makedirs(self.path("encryption"), mode=0o700, exist_ok=True)
        if not self.has(name + ".key"):
            content = openssl("pkeyutl", "-decrypt", "-inkey", self.path("transport.key"), "-pkeyopt", "rsa_padding_mode:oaep",
                              data=base64.b64decode(one["content_key"]))
            private = key_unwrap(content, base64.b64decode(one["wrapped"]))
            if openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", data=private) != spki:
                raise ValueError("the delivered key is another's")
            self.write(name + ".key", openssl("pkey", "-inform", "DER", data=private))
        for certificate in one.get("certificates", []):
            self.write(name + ".pem", openssl("x509", "-inform", "DER", data=base64.b64decode(certificate["der"])))

    def keys(self, number=""):
        """What waits for this device, all of it; {"key", "recovered", "state"}: whether one for the
        pair came, how many earlier ones, and where their recovery stands (None: not asked for)."""
        waits = self.line.post("/v1/client/keys", {**self.call("keys", number, "device.key"), "number": number})
        out = {"number": waits["number"], "key": "key" in waits, "recovered": 0, "state": None}
        if "key" in waits:
            self.take_key(waits["key"])
            self.confirm_keys("received", waits["number"])
        recovery = waits.get("recovery")
        if recovery:
            out["state"] = recovery["state"]
        if recovery and "keys" in recovery:
            for one in recovery["keys"]:
                self.take_key(one)
            self.confirm_keys("recovered", waits["number"])
            out["recovered"] = len(recovery["keys"])
        return out

    def confirm_keys(self, action, number):
        return self.line.post("/v1/client/keys/received", {**self.call(action, number, "device.key"), "action": action,
                                                           "number": number})

    def encryption_keys(self):
        """The encryption keys inside, by the name of their files."""
        names = os.listdir(self.path("encryption")) if self.has("encryption") else []
        return [os.path.join(self.path("encryption"), name) for name in sorted(names) if name.endswith(".key")]

    def decrypt(self, data):
        """What a CMS file holds, by the key that it is for; None: there is no such key."""
        for key in self.encryption_keys():
            done = subprocess.run(["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-recip", key[:-4] + ".pem", "-inkey",
                                   key], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            if done.returncode == 0:
                return done.stdout
        return None

    # ---- Verbs -------------------------------------------------------------------

    def blank(self, serial):
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        if not self.has("serial"):
            self.write("serial", (serial + "\n").encode())
        return {"serial": self.serial}

    def present(self, number):
        """Its own key, made here and never changed for this case, and the proof of it; and the
        transport key, for which the own one vouches."""
        self.make_key("device.key")
        if not self.has("transport.key"):
            self.write("transport.key", openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"))
        spki, transport = self.spki("device.key"), self.spki("transport.key")
        statement = {"device": self.serial, "number": number, "spki_sha256": hashlib.sha256(spki).hexdigest()}
        vouched = {"device": self.serial, "transport_sha256": hashlib.sha256(transport).hexdigest()}
        return {"spki": b64(spki), "proof": self.sign("device.key", canonical(statement)), "transport": b64(transport),
                "transport_signature": self.sign("device.key", canonical(vouched))}

    def personalise(self, number, line):
        """`line` is a maker's."""
        answer = line.post(f"/v1/devices/{self.serial}/personalise", self.present(number))
        self.keep({"tries": 0, "admin_tries": 0, "admin": answer["admin_pin"]})
        return {"serial": self.serial, "spki_sha256": hashlib.sha256(self.spki("device.key")).hexdigest()}

    def rewrite(self):
        """Before it is personalised again: nothing of the former holder stays."""
        for name in ("device.key", "transport.key", "key.pem", "cert.pem", "encryption.pem", "csr.der", "next.key", "next.csr",
                     "order_id", "pins.json"):
            if self.has(name):
                os.remove(self.path(name))
        shutil.rmtree(self.path("encryption"), ignore_errors=True)

    def activate(self, code, pin):
        opened = self.line.post("/v1/client/activations",
                                {**self.call("activate", "", "device.key"), "code": code}) \
            if not self.has("order_id") else {"id": self.read("order_id").decode()}
        self.write("order_id", opened["id"].encode())
        csr = self.request("key.pem", "csr.der")
        statement = {"csr_sha256": hashlib.sha256(csr).hexdigest(), "device": self.serial, "order_id": opened["id"]}
        self.line.post(f"/v1/client/activations/{opened['id']}",
                       {"code": code, "device": self.serial, "csr": b64(csr),
                        "device_signature": self.sign("device.key", canonical(statement))})
        answer = self.wait(opened["id"])
        if answer["state"] == "done":
            if self.take_certificates(answer):
                self.keys(answer["number"])
            pins = self.pins()
            pins.update(pin=pin, tries=0)
            self.keep(pins)
            os.remove(self.path("order_id"))
        return {"number": answer["number"], "state": answer["state"],
                **({"problem": answer["problem"]} if "problem" in answer else {})}

    def prove(self, code):
        challenge = self.line.post("/v1/client/challenges", {"code": code})
        statement = {"challenge": challenge["challenge"], "device": self.serial, "number": challenge["number"]}
        return self.line.post("/v1/client/proofs", {"code": code, "device": self.serial,
                                                    "signature": self.sign("key.pem", canonical(statement))})

    def renew(self, number, code):
        csr = self.request("next.key", "next.csr")
        asked = self.line.post(f"/v1/client/renewals/{number}/request", {"code": code, "csr": b64(csr)})
        signatures = [{"order_id": order["order_id"], "signature": self.sign("key.pem", order["statement"].encode())}
                      for order in asked["orders"]]
        self.write("order_id", asked["orders"][0]["order_id"].encode())
        return self.line.post(f"/v1/client/renewals/{number}/signature",
                              {"code": code, "decided_at": asked["decided_at"], "signatures": signatures})

    def install(self, number):
        """The new certificate in the old one's place; repeated, it only confirms."""
        if self.has("order_id"):
            answer = self.wait(self.read("order_id").decode())
            if answer["state"] != "done":
                return {"number": number, "state": answer["state"]}
            if self.take_certificates(answer):
                self.keys(number)
            if self.has("next.key"):
                os.rename(self.path("next.key"), self.path("key.pem"))
            if self.has("next.csr"):
                os.remove(self.path("next.csr"))
            os.remove(self.path("order_id"))
        return self.line.post(f"/v1/client/renewals/{number}/installed", self.call("installed", number, "key.pem"))

    def seal(self, number):
        return self.line.post(f"/v1/client/seals/{number}/installed", self.call("installed", number, "key.pem"))

    def ask_code(self, number):
        return self.line.post(f"/v1/client/unlocks/{number}/code",
                              self.call("code", number, "device.key", is_locked=self.is_locked()))

    def unlock(self, number, code, pin):
        unlocks = f"/v1/client/unlocks/{number}"
        self.line.post(f"{unlocks}/verification", self.call("verify", number, "device.key", code=code))
        pins = self.line.post(f"{unlocks}/administrator-pin", self.call("administrator-pin", number, "device.key"))
        # One that was broken off may have left either of the two in the device.
        if not (self.reset_pin(pins["admin_pin"], pins["next_admin_pin"], pin)
                or self.reset_pin(pins["next_admin_pin"], pins["next_admin_pin"], pin)):
            return self.line.post(f"{unlocks}/failed",
                                  self.call("failed", number, "device.key", reason="administrator PIN refused"))
        return self.line.post(f"{unlocks}/done", self.call("done", number, "device.key"))

    def show(self):
        held = {"serial": self.serial, "is_personalised": self.has("device.key"), "has_certificate": self.has("cert.pem"),
                "is_locked": self.is_locked(), "encryption_keys": len(self.encryption_keys())}
        if held["has_certificate"]:
            text = openssl("x509", "-in", self.path("cert.pem"), "-noout", "-serial", "-enddate").decode()
            held.update(line.split("=", 1) for line in text.splitlines())
        return held


def main():
    parser = argparse.ArgumentParser(description="A simulated USB key with its client.")
    parser.add_argument("--dir", required=True)
    parser.add_argument("--url")
    parser.add_argument("--cafile")
    verbs = parser.add_subparsers(dest="verb", required=True)

    def verb(name, *names, optional=()):
        one = verbs.add_parser(name)
        for argument in names:
            one.add_argument(argument, **({"required": True} if argument.startswith("--") else {}))
        for argument in optional:
            one.add_argument(argument)

    verb("blank", "serial")
    verb("personalise", "--number", "--cert", "--key")
    verb("activate", "--code", "--pin")
    verb("prove", "--code")
    verb("renew", "--number", "--code")
    verb("install", "--number")
    verb("keys", optional=("--number",))
    verb("seal", "--number")
    verb("unlock", "--number", optional=("--code", "--pin"))
    verb("pin", "pin")
    verb("show")
    args = parser.parse_args()
    if args.verb not in ("blank", "pin", "show") and not (args.url and args.cafile):
        parser.error("--url and --cafile are needed")
    device = Device(args.dir, args.url, args.cafile)
    try:
        if args.verb == "blank":
            out = device.blank(args.serial)
        elif args.verb == "personalise":
            out = device.personalise(args.number, Line(args.url, args.cafile, args.cert, args.key))
        elif args.verb == "activate":
            out = device.activate(args.code, args.pin)
        elif args.verb == "prove":
            out = device.prove(args.code)
        elif args.verb == "renew":
            out = device.renew(args.number, args.code)
        elif args.verb == "install":
            out = device.install(args.number)
        elif args.verb == "keys":
            out = device.keys(args.number or "")
        elif args.verb == "seal":
            out = device.seal(args.number)
        elif args.verb == "unlock":
            out = device.unlock(args.number, args.code, args.pin) if args.code else device.ask_code(args.number)
        elif args.verb == "pin":
            out = {"is_right": device.check_pin(args.pin), "is_locked": device.is_locked()}
        else:
            out = device.show()
    except Refused as refused:
        sys.exit(f"device.py: {refused}")
    print(json.dumps(out, ensure_ascii=False))


if __name__ == "__main__":
    main()
