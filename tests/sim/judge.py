"""What the tests in Python share: verdicts, patience, and psql as a judge."""
import subprocess
import sys
import time

from play import Refused


def fail(text):
    sys.exit(f"FAIL: {text}")


def check(holds, text):
    if not holds:
        fail(text)
    print(f"ok   {text}", flush=True)


def refused(status, act, *args, **named):
    """The call is refused with this status."""
    try:
        answer = act(*args, **named)
    except Refused as error:
        if error.status != status:
            fail(f"{error}: not {status}")
        return
    fail(f"not refused: {act} {args}: {answer}")


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
