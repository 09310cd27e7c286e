"""
Many applicants and officers at once: crowd.py STATE WORK URL...

CROWD applicants, each a thread with a case of its own, some with two browsers
open; two officers for each of the reviews, and two for either; two clerks'
and two makers' connections: they take from the same queues and collide. Callers are
spread over the URLs: several signet-ra on one database.
"""
import collections
import hashlib
import os
import random
import re
import statistics
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "sim"))
import play  # noqa: E402
from judge import Sql  # noqa: E402

state, work, *urls = sys.argv[1:]
CROWD = int(os.environ.get("CROWD", "200"))
OFFICERS = ("first", "first-b", "second", "second-b", "either", "either-b", "clerk", "clerk", "maker", "maker")
END = time.monotonic() + 1500  # nobody waits for ever
took = collections.defaultdict(list)  # operation: seconds
answers = collections.Counter()
problems = []
finished = threading.Semaphore(0)
is_over = threading.Event()


def stage(n):
    """Everybody has connections of their own, to one of the RAs."""
    one = play.Office(state, os.path.join(work, "devices"))
    one.env["SIGNET_RA_URL"] = urls[n % len(urls)]
    one.platform = play.Line(one.env["SIGNET_RA_URL"], one.env["SIGNET_CA_BUNDLE"],
                             os.path.join(state, "tls", "signet-platform.pem"), os.path.join(state, "tls", "signet-platform.key"))
    return one


def watch(line, refused):
    """Times every call, counts every answer; what is busy is asked again."""
    original = line.call

    def call(this, method, path, *args, **named):
        name = method + " " + re.sub(r"/[A-Z]\d{8}-\d+|/[0-9a-f-]{36}|/SIM[A-Z0-9-]+", "/*",
                                     re.sub(r"accounts/[^/]+", "accounts/*", path.split("?")[0]))
        name = re.sub(r"/documents/.*", "/documents/*", name)
        while True:
            start = time.monotonic()
            try:
                return original(this, method, path, *args, **named)
            except refused as error:
                if error.status != 503 or time.monotonic() > END:
                    raise
            finally:
                took[name].append(time.monotonic() - start)
                if this.answer is not None:
                    answers[this.answer.status] += 1
            time.sleep(random.uniform(0.2, 1))

    line.call = call


def mind(act):
    """A thread: what it did not expect is a problem of the whole."""
    def run(*args):
        try:
            act(*args)
        except Exception as error:
            problems.append(f"{act.__name__} {args[:1]}: {type(error).__name__} {error}")
    return run


# ---- Applicants -------------------------------------------------------------------------

def twice(act, *args):
    """The same click in two windows: one does it, the other does it too or comes too late."""
    told = []

    def click():
        try:
            told.append(act(*args) or True)
        except play.Refused as error:
            if error.status != 409:
                problems.append(f"a double click: {error}")
            told.append(None)

    return click, told


def both(first, second):
    clicks = [threading.Thread(target=one[0]) for one in (first, second)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    if not (any(first[1]) or any(second[1])):
        problems.append("a double click did nothing")


@mind
def applicant(n):
    one = stage(n)
    account, unit = f"crowd-{n}", 500000 + n
    one.unit(account, unit)
    me = play.Applicant(one, account)
    number = me.file("new", one.fields("new", unit, seal="no", seals="[]"))
    other = play.Applicant(stage(n + 1), account) if n % 4 == 0 else None

    def do(verb):
        if other is None:
            getattr(me, verb)(number)
        else:
            both(twice(getattr(me, verb), number), twice(getattr(other, verb), number))

    do("submit")
    sent = {}
    for slot in me.case(number)["slots"]:
        if not slot["is_wanted"]:
            continue
        data = me.get(f"/v1/cases/{number}/forms/{slot['form']}") if slot.get("form") else papers[(n + len(sent)) % len(papers)]
        me.upload(number, slot["slot"], data, f"{slot['slot']}.bin")
        sent[slot["slot"]] = hashlib.sha256(data).hexdigest()
    do("hand_in")
    one.pay(me, number)
    wait(one, me, number, "activation-allowed")
    key = one.device(f"SIM-CROWD-{n}")
    code = one.world.code_for(play.mobile(unit), r"激活码：([A-Z0-9]{12})", about=number, wait_s=END - time.monotonic())
    while not made.get(number):
        time.sleep(0.2)
        if time.monotonic() > END:
            raise TimeoutError(f"{number}: its device is not made")
    key.activate(code, "Sesame-2026")
    wait(one, me, number, "activated")
    for slot, digest in sent.items():
        if hashlib.sha256(me.get(f"/v1/cases/{number}/documents/{slot}")).hexdigest() != digest:
            problems.append(f"{number}: {slot} is not what was uploaded")
    finished.release()


def wait(one, me, number, wanted):
    while (found := one.state_of(me, number)) != wanted:
        if time.monotonic() > END:
            raise TimeoutError(f"{number} is {found} and not {wanted}")
        time.sleep(random.uniform(0.5, 2))


# ---- Officers ----------------------------------------------------------------------------

made = {}
collisions = collections.Counter()


def from_queue(me, *states):
    """What waits there, in an order of one's own."""
    for name in states:
        cases = me.get(f"/v1/queue?mine=1&state={name}&limit=20")["cases"]
        random.shuffle(cases)
        yield from cases


def decide(me, number, step, *args, **named):
    try:
        me.decide(number, step, *args, **named)
        return True
    except play.Refused as error:
        # Another was there before, or it is by the same person: nothing else.
        if error.status not in (403, 409):
            raise
        collisions[f"{step} {error.status}"] += 1
        return False


def review(me):
    for case in from_queue(me, "first-review", "second-review"):
        decide(me, case["number"], case["state"])


def intake(me):
    for case in from_queue(me, "awaiting-originals"):
        number = case["number"]
        slots = [p["slot"] for p in me.post("/v1/intake", {"code": number})["papers"]]
        try:
            me.post(f"/v1/cases/{number}/papers", {"received": slots})
        except play.Refused as error:
            if error.status != 409:
                raise
            collisions["papers 409"] += 1
            continue
        decide(me, number, "entry")


def making(me, one):
    for case in from_queue(me, "awaiting-originals", "second-review", "activation-allowed"):
        number = case["number"]
        with making_lock:  # one bench: who has a key in the hand has it alone
            if number in made:
                continue
            made[number] = False
        serial = f"SIM-CROWD-{int(case['account'].rsplit('-', 1)[1])}"
        key = one.device(serial)
        key.blank(serial)
        me.post("/v1/devices", {"batch": "crowd", "model": "SIM-KEY", "serials": [serial]})
        me.post(f"/v1/cases/{number}/device", {"serial": serial})
        me.decide(number, "making", device=key.personalise(number, me))
        parcel = me.post(f"/v1/cases/{number}/shipments", {"direction": "out", "carrier": "SF", "tracking": f"SF{serial}"})
        me.post(f"/v1/shipments/{parcel['id']}/delivered")
        made[number] = True


making_lock = threading.Lock()


@mind
def officer(name, n):
    one = stage(n)
    me = one.officer(name)
    while not is_over.is_set():
        if name == "clerk":
            intake(me)
        elif name == "maker":
            making(me, one)
        else:
            review(me)
        is_over.wait(random.uniform(0.1, 0.5))


# ---- All of it ----------------------------------------------------------------------------

def none(what, question):
    found = sql(question)
    if found not in ("", "0"):
        problems.append(f"{what}: {found}")
    else:
        print(f"ok   {what}")


def told():
    """What the slowest operations took."""
    worst = sorted(took.items(), key=lambda item: -statistics.median(item[1]))
    for name, seconds in worst[:12]:
        print(f"     {statistics.median(seconds) * 1000:7.0f} ms median {max(seconds) * 1000:7.0f} ms worst {len(seconds):6d} x {name}")
    every = [s for seconds in took.values() for s in seconds]
    print(f"     {statistics.median(every) * 1000:7.0f} ms median {max(every) * 1000:7.0f} ms worst {len(every):6d} of all;"
          f" answers {dict(sorted(answers.items()))}; collisions {dict(collisions)}")


# A few papers for all, one of them of some megabytes.
noise = random.Random(1)
papers = [play.paper(seed, width=620, height=877) for seed in range(3)]
papers.append(play.png(900, 900, [noise.randbytes(2700) for _ in range(900)]))
watch(play.Line, play.Refused)
sql = Sql(stage(0))
began = time.monotonic()
workers = [threading.Thread(target=officer, args=(name, n)) for n, name in enumerate(OFFICERS)]
crowd = [threading.Thread(target=applicant, args=(n,)) for n in range(CROWD)]
for thread in workers + crowd:
    thread.start()
for thread in crowd:
    thread.join()
is_over.set()
for thread in workers:
    thread.join()
told()
none("nobody is left behind", f"SELECT count(*) - {CROWD} FROM ra.case_file WHERE state = 'activated' AND account LIKE 'crowd-%'")
none("nobody has two cases", "SELECT count(*) FROM (SELECT account FROM ra.case_file GROUP BY account HAVING count(*) > 1) AS two")
none("each step is decided once", "SELECT count(*) FROM (SELECT 1 FROM ra.case_decision GROUP BY number, revision, step HAVING count(*) > 1) AS twice")
none("by four people", "SELECT count(*) FROM (SELECT number FROM ra.case_decision WHERE verdict = 'approve' GROUP BY number"
     " HAVING count(DISTINCT person) <> 4) AS fewer")
none("each is paid once", "SELECT count(*) FROM ra.payment WHERE received <> amount OR refunded <> 0")
none("each has one pair", "SELECT count(*) FROM (SELECT 1 FROM ca.certificate WHERE account LIKE 'crowd-%' AND state <> 'void'"
     " GROUP BY account HAVING count(*) <> 2) AS other")
for status in answers:
    if status >= 500 and status != 503:
        problems.append(f"{answers[status]} answers {status}")
if problems:
    sys.exit("FAIL: " + "\n      ".join(problems[:20]))
sql.histories_are_chains()
print(f"ok   {CROWD} applicants and {len(OFFICERS)} officers in {time.monotonic() - began:.0f} s, {len(urls)} registration authorities")
