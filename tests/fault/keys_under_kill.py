"""
Kills client and services while devices get their keys: keys_under_kill.py STATE WORK
"""
import collections
import os
import random
import signal
import subprocess
import sys
import time

from killing import HERE, again, brought, pid_of, play
sys.path.insert(0, os.path.join(HERE, "..", "sim"))
from centre import OPERATORS, RA_OFFICER, Centre  # noqa: E402
from judge import Sql, check, fail  # noqa: E402
import usbkey  # noqa: E402
from usbkey import Failed, UsbKey, verified  # noqa: E402

KILLS = int(os.environ.get("KILLS", "5"))
OTHERS = int(os.environ.get("OTHERS", "1"))  # renewals, recoveries, unlockings
SEED = int(os.environ.get("SEED", time.time_ns() % 10 ** 6))
CLIENT, SERVICES = "signet-key", ("signet-ra", "signet-ca", "signet-kmc")
PIN, NEXT_PIN = "Sesame-2026", "Open-Sesame-27"

state, work = sys.argv[1:3]
office, centre = play.Office(state, os.path.join(work, "devices")), Centre(state)
sql = Sql(office)
random.seed(SEED)
print(f"SEED={SEED} KILLS={KILLS}", flush=True)
struck = collections.Counter()  # (verb, victim): killed while signet-key was at work
last_killed = {}


# ---- Kills -------------------------------------------------------------------------------

def kill(service):
    """This service, once it is another process than the one that was killed last."""
    until = time.monotonic() + 60
    while True:
        pid = pid_of(state, service)
        if pid and pid != last_killed.get(service):
            try:
                os.kill(pid, signal.SIGKILL)
                last_killed[service] = pid
                return
            except ProcessLookupError:
                pass
        if time.monotonic() > until:
            fail(f"{service} does not come back")
        time.sleep(0.05)


def all_back(wait_s=60):
    until = time.monotonic() + wait_s
    while centre.signet("status")[0] != 0:
        if time.monotonic() > until:
            fail(f"not all services are back: {centre.signet('status')[1]}")
        time.sleep(0.3)


def strike(victims, within_s, key, verb, *args, pins=(), code=None):
    """signet-key begins, and somewhere on its way one victim after another is
    killed; whether it was still at work. A client that lost a service goes on
    until it gives up."""
    child = subprocess.Popen(key.command(verb, *args, pins=pins, code=code), env=key.env, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    hits = 0
    for victim in victims:
        time.sleep(random.uniform(0.0, within_s))
        is_at_work = child.poll() is None
        if victim == CLIENT:
            child.kill()
        else:
            kill(victim)
        struck[verb, victim] += is_at_work
        hits += is_at_work
    child.wait(timeout=180)
    return hits > 0


def in_the_end(is_done, key, verb, *args, pins=(), code=None, wait_s=120):
    """The same again, until it is done: what stands against it meanwhile is that a
    service is away, and nothing else."""
    until = time.monotonic() + wait_s
    while True:
        try:
            answer = key.run(verb, *args, pins=pins, code=code)
            if is_done(answer):
                return answer
            problem = answer["state"]
        except Failed as failed:
            if failed.error != "busy":
                fail(f"{key.serial}: {failed} ({failed.error})")
            problem = failed.what
        if time.monotonic() > until:
            fail(f"{key.serial}: {verb} is not done: {problem}")
        time.sleep(0.3)


def victims():
    """A service, and then mostly the client that asks it."""
    return (random.choice(SERVICES), *random.choice(((CLIENT,), (CLIENT,), ())))


# ---- What must hold ------------------------------------------------------------------------

def encrypted(account, number, path):
    """A file for the holder, by openssl, to the second certificate of the case."""
    with open(path + ".der", "wb") as file:
        file.write(bytes.fromhex(sql(f"SELECT encode(der, 'hex') FROM ra.holder_certificate WHERE number = '{number}' AND pair = 2")))
    subprocess.run(["openssl", "x509", "-inform", "DER", "-in", path + ".der", "-out", path + ".pem"], check=True)
    if not verified(office, path + ".pem"):
        fail(f"{account}: openssl does not verify the certificate")
    with open(path, "w") as file:
        file.write(f"{account} {number}\n" * 100)
    subprocess.run(["openssl", "cms", "-encrypt", "-binary", "-aes256", "-in", path, "-outform", "DER", "-out", path + ".p7m",
                    path + ".pem"], check=True)
    return path


def opens(key, path):
    in_the_end(lambda _: True, key, "decrypt", path + ".p7m", "--out", path + ".out", "--force", pins=[PIN])
    with open(path, "rb") as before, open(path + ".out", "rb") as after:
        return before.read() == after.read()


def one_pair(holder, number, generations):
    """At the authority, at the registration authority, at the centre and on the device."""
    account, key = holder.account, holder.key
    wanted = {
        "the CA's certificates": (f"SELECT count(*) FROM ca.certificate WHERE account = '{account}' AND state <> 'void'", 2 * generations),
        "the RA's certificates": (f"SELECT count(*) FROM ra.holder_certificate WHERE account = '{account}'", 2 * generations),
        "those of the case": (f"SELECT count(*) FROM ra.holder_certificate WHERE number = '{number}' AND state = 'valid'", 2),
        "escrowed keys": (f"SELECT count(*) FROM kmc.escrowed_key WHERE holder = '{account}'", generations),
        "escrowed keys of certificates": (
            "SELECT count(*) FROM kmc.escrowed_key k JOIN ca.escrow e ON e.key_id = k.id JOIN ca.certificate c"
            f" ON c.order_id = e.order_id AND c.spki_sha256 = k.spki_sha256 WHERE k.holder = '{account}' AND c.state <> 'void'", generations),
    }
    for what, (question, count) in wanted.items():
        if sql(question) != str(count):
            fail(f"{account}: {sql(question)} are {what}, and not {count}")
    labels = [text.split("label:")[1].split("\n")[0].strip() for text in key.objects("cert") if number in text]
    if sorted(labels) != sorted([number, f"encryption {number}"]):
        fail(f"{account}: on the device are {labels}")
    # Own and transport key, one of each half; of what came before, as many as were brought.
    mine = 2 + 2 * holder.pairs_here + holder.earlier_here
    if len(key.objects("privkey", PIN)) != mine or len(key.objects("pubkey")) != mine:
        fail(f"{account}: not {mine} keys of each kind on the device")


class Holder:
    """A unit whose first device is ready for its activation code."""

    def __init__(self, unit):
        self.unit, self.account = unit, f"kill-{SEED}-{unit}"
        self.serial = f"K{SEED:06d}-{unit % 10000:04d}"
        self.devices = self.generations = self.pairs_here = self.earlier_here = 0
        self.files = []
        again(office.unit, self.account, unit)
        self.applicant = again(play.Applicant, office, self.account)
        self.key = self.new_key()
        self.number, self.code = usbkey.certifiable(office, self.applicant, self.fields("new"), self.key)

    def fields(self, business, **more):
        return office.fields(business, self.unit, seal="no", seals="[]", **more)

    def new_key(self):
        self.devices += 1
        return UsbKey(office, os.path.join(work, "keys"), f"{self.serial}-{self.devices}")

    def judged(self, number):
        """After another generation: one pair more, and every file opens."""
        self.generations += 1
        self.pairs_here += 1
        one_pair(self, number, self.generations)
        self.files.append(encrypted(self.account, number, os.path.join(work, f"{self.account}-{self.generations}")))
        if not all(opens(self.key, path) for path in self.files):
            fail(f"{self.account}: a file does not open")


# ---- Activation ------------------------------------------------------------------------------

def activation(holder, took):
    """Whether anything was killed while it was at work."""
    hits = [strike(who, took, holder.key, "activate", pins=[PIN], code=holder.code) for who in (victims(), (CLIENT,))]
    in_the_end(lambda a: a["state"] == "done", holder.key, "activate", pins=[PIN], code=holder.code)
    brought(lambda: office.state_of(holder.applicant, holder.number) in ("activated", "bound"), lambda: None)
    holder.judged(holder.number)
    return any(hits)


# ---- Renewal ---------------------------------------------------------------------------------

def renewal(holder, took):
    applicant, key = holder.applicant, holder.key
    all_back()
    again(office.bind, holder.account, applicant)
    number = applicant.file("renew", office.fields("renew", holder.unit))
    applicant.submit(number)

    def code():
        return again(applicant.post, f"/v1/cases/{number}/client-code")["code"]

    for who in (victims(), (CLIENT,)):
        strike(who, took, key, "renew", number, "--wait", "0", pins=[PIN], code=code())
    in_the_end(lambda a: a["state"] == "signed", key, "renew", number, "--wait", "0", pins=[PIN], code=code())
    all_back()
    office.pay(applicant, number)
    for who in (victims(), victims(), (CLIENT,)):
        strike(who, took, key, "renew", number, pins=[PIN])
    in_the_end(lambda a: a["state"] == "installed", key, "renew", number, pins=[PIN])
    holder.judged(number)


# ---- Recovery beside a reissue -----------------------------------------------------------------

def agreed(case):
    """The people of the centre, among kills of it: a process that died took its
    shares along, and the operators hand them in again."""
    until = time.monotonic() + 120
    for person in (RA_OFFICER, *OPERATORS[:2]):
        while not centre.decide(case, person) and time.monotonic() < until:
            time.sleep(0.3)
        if random.random() < 0.5:
            kill("signet-kmc")
    while (found := centre.state_of(case)) != "done":
        if found in ("open", "approved"):
            centre.decide(case, RA_OFFICER, *OPERATORS[:3])
        elif found is not None or time.monotonic() > until:
            fail(f"case {case} is {found}")
        time.sleep(0.5)


def recovery(holder, took):
    """The device is lost; its successor gets its own pair, and then what was before."""
    applicant = holder.applicant
    all_back()
    again(office.bind, holder.account, applicant)
    holder.key, holder.pairs_here, holder.earlier_here = holder.new_key(), 0, 0
    number = office.filed(applicant, "reissue", holder.fields("reissue", encrypted_files="deliver"))
    office.pay(applicant, number)
    office.await_state(applicant, number, "first-review")
    office.who("first").decide(number, "first-review")
    usbkey.make(office, number, holder.key)
    office.receive(number)
    office.who("second").decide(number, "second-review")
    for victim in random.sample(SERVICES, 2):  # while the order is on its way to the centre
        time.sleep(random.uniform(0.0, 1.0))
        kill(victim)
    code = usbkey.activation_code(office, number, play.mobile(holder.unit))
    case = centre.open_case(holder.account, wait_s=90)
    strike(victims(), took, holder.key, "activate", pins=[PIN], code=code)
    in_the_end(lambda a: a["state"] == "done", holder.key, "activate", pins=[PIN], code=code)
    brought(lambda: office.state_of(applicant, number) == "activated", lambda: None)
    agreed(case)
    for who in (victims(), victims(), (CLIENT,)):
        strike(who, took, holder.key, "recover", number, pins=[PIN])
    in_the_end(lambda _: again(applicant.case, number)["old_keys"]["state"] == "received", holder.key, "recover", number, pins=[PIN])
    holder.earlier_here = holder.generations
    holder.judged(number)


# ---- Unlocking -----------------------------------------------------------------------------------

def unlocking(holder, took):
    """A new PIN; and once more, since the administrator PIN is not lost."""
    applicant, key = holder.applicant, holder.key
    handler = {name: value for name, value in holder.fields("new").items() if name.startswith("handler_")}
    for pin in (NEXT_PIN, PIN):
        all_back()
        number = applicant.file("unlock", handler)
        applicant.submit(number)
        before = len(office.world.call("GET", "/sms"))
        key.run("unlock", number, "--ask-code")
        code = office.world.code_for(handler["handler_mobile"], r"验证码([0-9]{6})", after=before)
        for who in (("signet-ra", CLIENT), (CLIENT,), (CLIENT,)):
            strike(who, took, key, "unlock", number, pins=[pin], code=code)
        in_the_end(lambda a: a["state"] == "done", key, "unlock", number, pins=[pin], code=code)
        if not key.run("list", pins=[pin])["certificates"]:
            fail(f"{holder.account}: nothing is left on the device")


# ---- All of it -------------------------------------------------------------------------------------

def straight(unit):
    """How long it takes when nobody is killed."""
    holder = Holder(unit)
    begun = time.monotonic()
    holder.key.run("activate", pins=[PIN], code=holder.code)
    took = time.monotonic() - begun
    office.await_state(holder.applicant, holder.number, "activated")
    holder.judged(holder.number)
    return took


def tell(*verbs):
    return ", ".join(f"{count} times {victim}" for (verb, victim), count in sorted(struck.items()) if verb in verbs and count)


straight(SEED * 1000)  # the first one takes longer
took = straight(SEED * 1000 + 999)
holders, killed = [], 0
while killed < KILLS:
    all_back()
    holders.append(Holder(SEED * 1000 + len(holders) + 1))
    killed += activation(holders[-1], took)
    if len(holders) % 10 == 0:
        print(f"     {len(holders)} activations", flush=True)
check(True, f"{killed} of {KILLS} killed activations end in one pair, {len(holders) - killed} went undisturbed;"
      f" killed at work: {tell('activate')}")
for n in range(OTHERS):
    renewal(holders[n % len(holders)], took)
check(True, f"{OTHERS} renewals, and files of two generations open; killed at work: {tell('renew')}")
for n in range(OTHERS):
    recovery(holders[n % len(holders)], took)
check(True, f"{OTHERS} recoveries, and files of three generations open; killed at work: {tell('recover')}")
for n in range(OTHERS):
    unlocking(holders[n % len(holders)], took)
check(True, f"{OTHERS} devices are unlocked twice; killed at work: {tell('unlock')}")
all_back()
# A job of the CA sees to it, when the lease of one that was killed has run out.
sql.until("SELECT count(*) FROM (SELECT 1 FROM kmc.escrowed_key GROUP BY holder HAVING count(*) FILTER (WHERE state = 'in-use') <> 1) AS other",
          "0", wait_s=180)
check(True, f"of {len(holders)} holders one key each is in use, {sql('SELECT count(*) FROM kmc.escrowed_key')} are escrowed")
check(sql("SELECT count(*) FROM kmc.recovery_case WHERE answer IS NOT NULL") == "0", "nothing that was recovered is left anywhere")
check(sql("SELECT count(*) FROM kmc.escrowed_key WHERE delivery IS NOT NULL") == "0", "nor anything to be delivered")
status, said = centre.signet("kmc", "verify")
check(status == 0, f"the centre's records are right: {said.strip()}")
sql.histories_are_chains()
