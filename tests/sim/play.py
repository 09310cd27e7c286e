"""
People at a running Signet, for samples, tests and the demonstration: the host
platform, applicants and officers, each through the documented API alone
(docs/openapi.yaml). Shares no code with Signet: Python's standard library and
the openssl command. story.py tells stories with it.
"""
import base64
import datetime
import hashlib
import http.client
import json
import os
import random
import re
import ssl
import struct
import subprocess
import tempfile
import time
import urllib.parse
import zlib

BROWSER = "play/1 (a browser that is none)"


class Refused(Exception):
    """An answer that is no success: status and problem document."""

    def __init__(self, status, problem, call):
        super().__init__(f"{call}: {status} {problem.get('detail') or problem}")
        self.status, self.problem = status, problem


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def canonical(value):
    """RFC 8785 for what we send: texts, integers, booleans, objects, arrays."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


# ---- Made-up people and units, rightly numbered --------------------------------

def uscc(number):
    """A unified social credit code with its check digit (GB 32100-2015)."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = f"91440300{number:09d}"
    total = sum(alphabet.index(c) * pow(3, i, 31) for i, c in enumerate(body))
    return body + alphabet[(31 - total % 31) % 31]


def id_number(number):
    """A resident identity number with its check digit (GB 11643-1999)."""
    body = f"440301199001{number % 28 + 1:02d}{number % 1000:03d}"
    weights = [pow(2, 17 - i, 11) for i in range(17)]
    return body + "10X98765432"[sum(int(c) * w for c, w in zip(body, weights)) % 11]


def mobile(number):
    return f"138{number % 100000000:08d}"


# ---- Papers ---------------------------------------------------------------------

def png(width, height, rows):
    """A PNG of 8-bit RGB at 150 dpi; `rows` are bytes-like."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    raw = b"".join(b"\0" + bytes(row) for row in rows)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"pHYs", struct.pack(">IIB", 5906, 5906, 1)) + chunk(b"IDAT", zlib.compress(raw, 6))
            + chunk(b"IEND", b""))


def stamp(width, rows, x, y, radius):
    """Presses a red round seal with a star-less middle onto the page."""
    for dy in range(-radius, radius + 1):
        row = rows[y + dy] if 0 <= y + dy < len(rows) else None
        if row is None:
            continue
        for dx in range(-radius, radius + 1):
            d = dx * dx + dy * dy
            ring = (radius - 8) ** 2 <= d <= radius * radius
            spot = d <= (radius // 3) ** 2 and (dx + dy) % 3 == 0
            if (ring or spot) and 0 <= x + dx < width:
                at = (x + dx) * 3
                row[at:at + 3] = b"\xd0\x20\x28"


def paper(seed, sealed=True, width=1240, height=1754):
    """A page that looks like a stamped copy: lines of grey words, a red seal."""
    rand = random.Random(seed)
    rows = [bytearray(b"\xff\xfe\xfa" * width) for _ in range(height)]
    for line in range(160, height - 300, 46):
        x = 120
        while x < width - 160:
            length = rand.randint(20, 90)
            for y in range(line, line + 18):
                rows[y][x * 3:(x + length) * 3] = b"\x40\x42\x48" * length
            x += length + rand.randint(10, 26)
    if sealed:
        stamp(width, rows, width - 330, height - 380, 150)
    return png(width, height, rows)


def scan_of_form(pdf, seals=()):
    """Prints a form, presses seals at (x, y) in millimetres, scans it."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "form.pdf")
        with open(path, "wb") as file:
            file.write(pdf)
        subprocess.run(["pdftoppm", "-r", "150", "-f", "1", "-l", "1", "-singlefile", path, os.path.join(folder, "page")],
                       check=True)
        with open(os.path.join(folder, "page.ppm"), "rb") as file:
            kind, size, _, data = file.read().split(b"\n", 3)
    if kind != b"P6":
        raise ValueError("pdftoppm did not make a colour picture")
    width, height = map(int, size.split())
    rows = [bytearray(data[y * width * 3:(y + 1) * width * 3]) for y in range(height)]
    for x, y in seals or ((150, 250),):
        stamp(width, rows, int(x * 150 / 25.4), int(y * 150 / 25.4), 120)
    return png(width, height, rows)


# ---- HTTP -----------------------------------------------------------------------

class Line:
    """One caller's connection to the RA."""

    def __init__(self, url, bundle, cert=None, key=None):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self.context = ssl.create_default_context(cafile=bundle)
        if cert:
            self.context.load_cert_chain(cert, key)
        self.cookie = self.csrf = None
        self.connection = None
        self.answer = None  # the last one: status and headers

    def call(self, method, path, body=None, raw=None, headers=None, accept=(200, 201, 202, 204)):
        sent = {"User-Agent": BROWSER, **(headers or {})}
        if self.cookie:
            sent["Cookie"] = self.cookie
            if method not in ("GET", "HEAD"):
                sent["X-Signet-CSRF"] = self.csrf
        data = raw
        if body is not None:
            data = json.dumps(body, ensure_ascii=False).encode()
            sent["Content-Type"] = "application/json"
        elif raw is not None:
            sent.setdefault("Content-Type", "application/octet-stream")
        elif method in ("POST", "PUT"):
            data = b""
        for attempt in (1, 2):
            fresh = self.connection is None
            if fresh:
                self.connection = http.client.HTTPSConnection(self.host, self.port, timeout=60, context=self.context)
            try:
                self.connection.request(method, path, body=data, headers=sent)
                answer = self.connection.getresponse()
                content = answer.read()
                break
            except (http.client.RemoteDisconnected, ConnectionError, BrokenPipeError, ssl.SSLEOFError):
                self.connection.close()
                self.connection = None
                if fresh or attempt == 2:
                    raise
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                self.cookie = value.split(";", 1)[0]
        if answer.getheader("Connection", "").lower() == "close":
            self.connection.close()
            self.connection = None
        self.answer = answer
        kind = (answer.getheader("Content-Type") or "").split(";")[0]
        value = json.loads(content) if content and kind.endswith("json") else content
        if answer.status not in accept:
            raise Refused(answer.status, value if isinstance(value, dict) else {}, f"{method} {path}")
        return value

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, body)

    def put(self, path, body):
        return self.call("PUT", path, body)


class Officer(Line):
    """An officer with certificate and key as files."""

    def __init__(self, play, name):
        folder = os.path.join(play.state, "officers", name)
        self.key = os.path.join(folder, "key.pem")
        self.cert = os.path.join(folder, "cert.pem")
        super().__init__(play.env["SIGNET_RA_URL"], play.env["SIGNET_CA_BUNDLE"], self.cert, self.key)
        with open(os.path.join(folder, "officer_id")) as file:
            self.officer_id = file.read().strip()
        with open(self.cert) as file:
            self.credential_id = hashlib.sha256(ssl.PEM_cert_to_DER_cert(
                file.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")).hexdigest()

    def sign(self, data):
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=data, check=True,
                                   stdout=subprocess.PIPE).stdout
        return base64.b64encode(signature).decode()

    def decide(self, number, step, verdict="approve", remark=None, device=None, **more):
        review = self.get(f"/v1/cases/{number}/review")
        statement = {"decided_at": now(), "digest": review["digest"], "officer_id": self.officer_id,
                     "order_id": review["order_id"], "step": step, "verdict": verdict}
        if verdict != "approve":
            statement["remark"] = remark
        if device:
            statement["device"] = device
        decision = {"step": step, "verdict": verdict, "officer_id": self.officer_id,
                    "credential_id": self.credential_id, "decided_at": statement["decided_at"],
                    "signature": self.sign(canonical(statement)), **more}
        if verdict != "approve":
            decision["remark"] = remark
        if device:
            decision["device"] = device
        return self.post(f"/v1/cases/{number}/decisions", decision)["state"]


class Applicant(Line):
    """A unit at the portal: a session that the host platform opened."""

    def __init__(self, play, account):
        super().__init__(play.env["SIGNET_RA_URL"], play.env["SIGNET_CA_BUNDLE"])
        self.account = account
        ticket = play.platform.post("/v1/platform/sessions", {"account": account})["ticket"]
        self.csrf = self.post("/v1/session/ticket", {"ticket": ticket})["csrf"]

    def case(self, number):
        return self.get(f"/v1/cases/{number}")

    def file(self, business, fields, **more):
        definitions = self.get("/v1/businesses")["businesses"]
        notice = next(d for d in definitions if d["business"] == business).get("notice")
        accepted = {"notice_version": notice["version"]} if notice else {}
        return self.post("/v1/cases", {"business": business, "fields": fields, **accepted, **more})["number"]

    def upload(self, number, slot, data, name):
        return self.call("PUT", f"/v1/cases/{number}/documents/{slot}?name={urllib.parse.quote(name)}", raw=data)

    def fill_slots(self, number):
        """Every slot that is wanted, with the right paper."""
        case = self.case(number)
        for slot in case["slots"]:
            if not slot["is_wanted"]:
                continue
            if slot.get("form"):
                pdf = self.get(f"/v1/cases/{number}/forms/{slot['form']}")
                self.upload(number, slot["slot"], scan_of_form(pdf), f"{slot['slot']}.png")
            else:
                self.upload(number, slot["slot"], paper(f"{number}{slot['slot']}"), f"{slot['slot']}.png")

    def submit(self, number):
        return self.post(f"/v1/cases/{number}/submit")["state"]

    def hand_in(self, number):
        return self.post(f"/v1/cases/{number}/hand-in")["state"]


class Play:
    """The stage: a state folder of running services."""

    def __init__(self, state):
        self.state = os.path.abspath(state)
        self.env = {}
        with open(os.path.join(self.state, "env")) as file:
            for line in file:
                name, _, value = line.strip().partition("=")
                self.env[name] = value.strip("'")
        tls = os.path.join(self.state, "tls")
        self.platform = Line(self.env["SIGNET_RA_URL"], self.env["SIGNET_CA_BUNDLE"],
                             os.path.join(tls, "signet-platform.pem"), os.path.join(tls, "signet-platform.key"))

    def officer(self, name):
        return Officer(self, name)

    def unit(self, account, number, name=None, kind="company"):
        """Provisions an account with its record, as the host platform does."""
        record = {"unit_name": name or f"演示{number}号贸易有限公司", "uscc": uscc(number), "kind": kind,
                  "country": "CN", "province": "广东省", "locality": "深圳市", "street": f"罗田路{number}号"}
        self.platform.put(f"/v1/platform/accounts/{account}", record)
        return record


# ---- Everybody together ------------------------------------------------------------

class World:
    """The simulator of the outside world (world.py), by its control interface."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port

    def call(self, method, path, body=None):
        line = http.client.HTTPConnection(self.host, self.port, timeout=30)
        line.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
        answer = line.getresponse()
        content = answer.read()
        line.close()
        if answer.status >= 400:
            raise Refused(answer.status, {"detail": content.decode("utf-8", "replace")}, f"{method} {path}")
        return json.loads(content) if content else None

    def code_for(self, to, pattern, about="", after=0, wait_s=20):
        """The newest code in a text message to this number, about this case."""
        until = time.monotonic() + wait_s
        while True:
            messages = [m for m in self.call("GET", "/sms")[after:] if m["to"].endswith(to) and about in m["text"]]
            for message in reversed(messages):
                found = re.search(pattern, message["text"])
                if found:
                    return found.group(1)
            if time.monotonic() > until:
                raise TimeoutError(f"no message to {to} with {pattern}: {[m['text'] for m in messages]}")
            time.sleep(0.2)


class Office(Play):
    """All who take part in a case, each doing their own step."""

    def __init__(self, state, devices):
        super().__init__(state)
        self.world = World(self.env["SIGNET_WORLD_URL"])
        self.devices = devices
        self.officers = {}

    def who(self, name):
        if name not in self.officers:
            self.officers[name] = self.officer(name)
        return self.officers[name]

    def fields(self, business, number, name=None, **more):
        """What a person of the unit `number` fills in."""
        handler = {"handler_name": "周经办", "handler_id_type": "id-card", "handler_id_number": id_number(number),
                   "handler_mobile": mobile(number)}
        domicile = {"province": "广东省", "locality": "深圳市", "street": f"罗田路{number}号"}
        delivery = {"delivery_recipient": "周经办", "delivery_mobile": mobile(number),
                    "delivery_address": f"广东省深圳市罗田路{number}号"}
        seals = json.dumps([{"type": "official", "name": name or f"演示{number}号贸易有限公司"}], ensure_ascii=False)
        own = {
            "new": {**domicile, **handler, **delivery, "years": "2", "seal": "yes", "seals": seals},
            "renew": {**handler, "years": "1", "encrypted_files": "none", "agreement": "yes"},
            "reissue": {**domicile, **handler, **delivery, "reason": "lost", "encrypted_files": "none", "seal": "yes", "seals": seals},
            "change": {**domicile, **handler, **delivery, "encrypted_files": "none", "seal": "yes", "seals": seals},
            "seal": {"operation": "apply", "seals": seals, "handler_name": "周经办", "handler_mobile": mobile(number)},
            "unlock": handler,
            "revoke": {**handler, "reason": "cessationOfOperation"},
            "recover": {**handler, "reason": "earlier"},
        }[business]
        return {**own, **more}

    def filed(self, applicant, business, fields, **more):
        """Up to the documents handed in."""
        number = applicant.file(business, fields, **more)
        if applicant.submit(number) == "form-ready":
            applicant.fill_slots(number)
            applicant.hand_in(number)
        return number

    def state_of(self, applicant, number):
        return applicant.case(number)["state"]

    def await_state(self, applicant, number, *states, wait_s=30):
        until = time.monotonic() + wait_s
        while True:
            state = self.state_of(applicant, number)
            if state in states:
                return state
            if time.monotonic() > until:
                raise TimeoutError(f"{number} is {state}, and should be {' or '.join(states)}")
            time.sleep(0.2)

    def open_payment(self, applicant, number, method="online"):
        case = applicant.case(number)
        return applicant.post(f"/v1/cases/{number}/payment", {"method": method, "invoice": {
            "title": case["unit_name"], "tax_number": case["uscc"], "email": "finance@example.com"}})

    def pay(self, applicant, number, **how):
        opened = self.open_payment(applicant, number)
        order = opened["pay_url"].rstrip("/").rsplit("/", 1)[1].split("?")[0]
        self.world.call("POST", f"/orders/{order}/pay", how)
        return order

    def device(self, serial):
        import device as simulated  # which speaks by a Line of this file
        return simulated.Device(os.path.join(self.devices, serial), self.env["SIGNET_RA_URL"], self.env["SIGNET_CA_BUNDLE"])

    def make(self, number, serial, is_new=True):
        """The maker: from stock, personalised, signed for, sent, delivered."""
        maker = self.who("maker")
        device = self.device(serial)
        if is_new:
            device.blank(serial)
            maker.post("/v1/devices", {"batch": "demo", "model": "SIM-KEY", "serials": [serial]})
        else:
            device.rewrite()
        if is_new:
            maker.post(f"/v1/cases/{number}/device", {"serial": serial})
        made = device.personalise(number, maker)
        maker.decide(number, "making", device=made)
        parcel = maker.post(f"/v1/cases/{number}/shipments", {"direction": "out", "carrier": "顺丰", "tracking": f"SF{serial}{number[-6:]}"})
        maker.post(f"/v1/shipments/{parcel['id']}/delivered")
        return device

    def old_device(self, number):
        """What stands on the key in the parcel: that of the certificate."""
        case = self.who("clerk").get(f"/v1/cases/{number}")
        old = case["predecessor"]
        return self.who("clerk").get(f"/v1/certificates/{old['issuer']}/{old['serial']}")["device"]

    def receive(self, number):
        clerk = self.who("clerk")
        wanted = clerk.post("/v1/intake", {"code": number})
        slots = [p["slot"] for p in wanted["papers"]]
        old = {"device": self.old_device(number)} if "device" in slots else {}
        clerk.post(f"/v1/cases/{number}/papers", {"received": slots, **old})
        return clerk.decide(number, "entry")

    def activate(self, applicant, number, device, mobile_number, pin="Sesame-2026"):
        code = self.world.code_for(mobile_number, r"(?:激活码：|activation code )([A-Z0-9]{12})", about=number)
        done = device.activate(code, pin)
        self.await_state(applicant, number, "activated")
        return done

    def bind(self, account, applicant):
        live = next(c for c in applicant.get("/v1/certificates")["certificates"] if c["state"] == "valid")
        self.platform.post(f"/v1/platform/accounts/{account}/binding", {"issuer": live["issuer"], "serial": live["serial"]})
        return live

    def certified(self, account, number_of_unit, serial, **more):
        """A unit from nothing to a bound certificate: applicant, case, device."""
        self.unit(account, number_of_unit)
        applicant = Applicant(self, account)
        number = self.filed(applicant, "new", self.fields("new", number_of_unit), **more)
        self.pay(applicant, number)
        self.await_state(applicant, number, "first-review")
        self.who("first").decide(number, "first-review")
        device = self.make(number, serial)
        self.receive(number)
        self.who("second").decide(number, "second-review")
        self.activate(applicant, number, device, mobile(number_of_unit))
        self.bind(account, applicant)
        return applicant, number, device
