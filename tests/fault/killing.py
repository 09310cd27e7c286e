"""What the fault tests of the registration authority share: faults, and patience."""
import http.client
import os
import random
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "sim"))
import device  # noqa: E402
import play  # noqa: E402

REFUSED = (play.Refused, device.Refused)
LOST = (OSError, http.client.HTTPException)  # what TLS and sockets raise among them


def fail(text):
    sys.exit(f"FAIL: {text}")


def check(holds, text):
    if not holds:
        fail(text)
    print(f"ok   {text}", flush=True)


def pid_of(state, name):
    with open(os.path.join(state, "run", "supervisor.status"), encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words and words[0] == name and words[1].isdigit():
                return int(words[1])
    return None


def again(act, *args, wait_s=90, **named):
    """While the service is away, until it is back."""
    until = time.monotonic() + wait_s
    while True:
        try:
            return act(*args, **named)
        except LOST as error:
            problem = error
        except REFUSED as error:
            if error.status != 503:
                raise
            problem = error
        if time.monotonic() > until:
            fail(f"{act}: {problem}")
        time.sleep(0.2)


def brought(is_done, act, *args, wait_s=120, **named):
    """Acts until it is done: an answer that was lost may have been a yes, so
    that the same again is a conflict."""
    until = time.monotonic() + wait_s
    while not again(is_done):
        try:
            again(act, *args, **named)
        except REFUSED as error:
            if error.status != 409 or time.monotonic() > until:
                raise
            time.sleep(0.2)


class Sql:
    def __init__(self, office):
        self.where = office.env["SIGNET_PG"]

    def __call__(self, question):
        return subprocess.run(["psql", "-qAtX", "-d", self.where, "-v", "ON_ERROR_STOP=1", "-c", question], check=True,
                              stdout=subprocess.PIPE, text=True).stdout.strip()

    def until(self, question, expected, wait_s=120):
        end = time.monotonic() + wait_s
        while (found := self(question)) != expected:
            if time.monotonic() > end:
                fail(f"{question}: {found} and not {expected}")
            time.sleep(0.2)

    def histories_are_chains(self):
        check(self("SELECT count(*) FROM ra.case_history h WHERE hash <> sha256(body) OR"
                   " convert_from(body, 'UTF8')::json->>'previous' IS DISTINCT FROM coalesce((SELECT encode(p.hash, 'hex')"
                   " FROM ra.case_history p WHERE p.number = h.number AND p.seq = h.seq - 1), repeat('0', 64))") == "0",
              "every history is a chain")
        check(self("SELECT count(*) FROM ra.case_file c JOIN LATERAL (SELECT convert_from(body, 'UTF8')::json AS body"
                   " FROM ra.case_history h WHERE h.number = c.number ORDER BY seq DESC LIMIT 1) AS last ON true"
                   " WHERE last.body->>'to' IS DISTINCT FROM c.state AND last.body->>'state' IS DISTINCT FROM c.state") == "0",
              "and every case is where its history ends")


class Killer(threading.Thread):
    """Kills signet-ra at moments that nobody knows; each time it is back first."""

    def __init__(self, state, kills, pause_s=(0.2, 1.5)):
        super().__init__(daemon=True)
        self.state, self.left, self.pause_s, self.done = state, kills, pause_s, 0

    def run(self):
        last = None
        while self.left:
            time.sleep(random.uniform(*self.pause_s))
            pid = pid_of(self.state, "signet-ra")
            if not pid or pid == last:
                continue
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            last = pid
            self.left -= 1
            self.done += 1
