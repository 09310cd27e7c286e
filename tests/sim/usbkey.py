"""
A simulated USB key (tests/sim/usbkey.c) in the hands of people who run the real
signet-key: what device.py plays, done by the program itself.
"""
import json
import os
import shutil
import subprocess
import time

from judge import check, fail

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("SIGNET_BUILD") or os.path.join(SOURCE, "build", "release")
FACTORY_ADMIN = "87654321"  # config/launch/device.sh
TRANSPORT = "12345678"


class Failed(Exception):
    """signet-key did not do it: its answer."""

    def __init__(self, verb, answer):
        super().__init__(f"signet-key {verb}: {answer.get('what')}")
        self.error, self.what = answer.get("error"), answer.get("what", "")


def refused(what, error, act, *args, **more):
    """signet-key does not do it, for this reason."""
    try:
        act(*args, **more)
    except Failed as failed:
        check(failed.error == error, f"{what}: {failed.what}")
        return
    fail(f"{what}: it was done")


def verified(office, path):
    """What openssl says of a certificate."""
    return subprocess.run(["openssl", "verify", "-CAfile", office.env["SIGNET_ROOT"], "-untrusted",
                           office.env["SIGNET_ISSUER"], path], stdout=subprocess.DEVNULL).returncode == 0


class UsbKey:
    def __init__(self, office, folder, serial):
        """As it comes from the factory."""
        self.serial, self.folder = serial, folder
        self.home = os.path.join(folder, "home")
        os.makedirs(self.home, exist_ok=True)
        self.new()
        self.module = os.path.join(BUILD, "bin", "usbkey-sim.so")
        self.env = {**os.environ, "HOME": self.home, "SIGNET_KEY_MODULE": self.module,
                    "SIGNET_USBKEY": os.path.join(folder, "usbkeys", serial), "SIGNET_KEY_URL": office.env["SIGNET_RA_URL"],
                    "SIGNET_KEY_CA_FILE": office.env["SIGNET_CA_BUNDLE"]}

    def new(self):
        subprocess.run([os.path.join(SOURCE, "signet"), "device", "new", self.serial, "--state", self.folder], check=True,
                       stdout=subprocess.DEVNULL)

    def erase(self):
        """What the manufacturer's tool does: as it came from the factory."""
        shutil.rmtree(os.path.join(self.folder, "usbkeys", self.serial))
        self.new()

    def secrets(self, name, lines):
        path = os.path.join(self.home, f"{self.serial}.{name}")
        with open(path, "w") as file:
            file.write("".join(line + "\n" for line in lines))
        return path

    def command(self, verb, *args, pins=(), code=None):
        more = ["--code-file", self.secrets("code", [code])] if code else []
        return [os.path.join(BUILD, "bin", "signet-key"), "--json", "--language", "en",
                "--pin-file", self.secrets("pins", pins), *more, verb, *args]

    def run(self, verb, *args, pins=(), code=None):
        """What a killed client had sent may arrive after the next one's question:
        the service says so, and wants to be asked again."""
        for last in (False, False, False, True):
            try:
                return self.run_once(verb, *args, pins=pins, code=code)
            except Failed as failed:
                if last or "another request came meanwhile" not in failed.what:
                    raise

    def run_once(self, verb, *args, pins=(), code=None):
        done = subprocess.run(self.command(verb, *args, pins=pins, code=code), env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        if done.stderr or not done.stdout:
            raise AssertionError(f"{verb}: {done.returncode} {done.stdout} {done.stderr}")
        answer = json.loads(done.stdout)
        if not answer["ok"]:
            raise Failed(verb, answer)
        return answer

    def killed(self, after_s, verb, *args, pins=(), code=None):
        """Killed after so many seconds; whether it was still running."""
        child = subprocess.Popen(self.command(verb, *args, pins=pins, code=code), env=self.env, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        time.sleep(after_s)
        was_running = child.poll() is None
        child.kill()
        child.wait()
        return was_running

    def tool(self, *args):
        """pkcs11-tool: exit status and what it says."""
        done = subprocess.run(["pkcs11-tool", "--module", self.module, *args], env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def objects(self, kind, pin=None):
        login = ["--login", "--pin", pin] if pin else []
        status, said = self.tool(*login, "--list-objects", "--type", kind)
        if status:
            raise AssertionError(said)
        heading = {"cert": "Certificate Object", "pubkey": "Public Key Object", "privkey": "Private Key Object",
                   "data": "Data object"}[kind]
        return said.split(heading)[1:]

    def certificate(self, label, path):
        """The certificate of this label, as a PEM file."""
        der = path + ".der"
        status, said = self.tool("--read-object", "--type", "cert", "--label", label, "--output-file", der)
        if status:
            raise AssertionError(said)
        subprocess.run(["openssl", "x509", "-inform", "DER", "-in", der, "-out", path], check=True)
        return path


def send(office, number, key, kills=(), is_new=True):
    """The maker's part, with the device on the station: until it is with the courier;
    the parcel. After each of `kills` seconds signet-key was killed before. One that
    is not new came back, and was erased."""
    maker = office.who("maker")
    if is_new:
        maker.post("/v1/devices", {"batch": "e2e", "model": "SIM-KEY", "serials": [key.serial]})
        maker.post(f"/v1/cases/{number}/device", {"serial": key.serial})
    for after_s in kills:
        key.killed(after_s, "personalise", number, "--cert", maker.cert, "--key", maker.key, pins=[FACTORY_ADMIN])
    made = key.run("personalise", number, "--cert", maker.cert, "--key", maker.key, pins=[FACTORY_ADMIN])
    maker.decide(number, "making", device={"serial": made["serial"], "spki_sha256": made["spki_sha256"]})
    parcel = maker.post(f"/v1/cases/{number}/shipments",
                        {"direction": "out", "carrier": "顺丰", "tracking": f"SF{key.serial}{number[-6:]}"})
    return parcel["id"]


def deliver(office, parcel):
    office.who("maker").post(f"/v1/shipments/{parcel}/delivered")


def make(office, number, key, kills=()):
    deliver(office, send(office, number, key, kills))


def activation_code(office, number, mobile):
    return office.world.code_for(mobile, r"(?:激活码：|activation code )([A-Z0-9]{12})", about=number)


def certifiable(office, applicant, fields, key, kills=()):
    """A case of NEW as far as its activation code: number and code."""
    number = office.filed(applicant, "new", fields)
    office.pay(applicant, number)
    office.await_state(applicant, number, "first-review")
    office.who("first").decide(number, "first-review")
    make(office, number, key, kills)
    office.receive(number)
    office.who("second").decide(number, "second-review")
    return number, activation_code(office, number, fields["handler_mobile"])
