"""
The outside world of a registration authority, for tests and demonstrations:
payment provider, SMS gateway, mail server, courier and host platform. It speaks
the documented interfaces alone (docs/payment-provider.md, docs/sms-gateway.md,
docs/openapi.yaml, SMTP) and shares no code with Signet: Python's standard
library, and the openssl command for Ed25519.

    world.py DIR [--ports PAY,SMS,WEBHOOK,SMTP,CONTROL] [--ra URL --trust FILE]

writes keys and secrets into DIR, if they are not there, keeps the provider's
books in DIR/books.json, writes DIR/world.json with the address of each service
(ports chosen by the system unless they are given), and runs until killed:

    pay_url, sms_url, smtp_url, webhook_url, control_url
    payment_key_file (of the RA, private), payment_provider_key_file (public),
    sms_key_file, webhook_key_file, courier_key_file

Control (JSON over HTTP, this machine alone):

    POST   /ra            {"url", "trust_file"}: where callbacks go, and whom to trust
    GET    /sms           messages, oldest first: {"id", "to", "text", "at"}
    GET    /mails         {"from", "to", "subject", "text", "message_id", "raw"}
    GET    /webhooks      {"id", "made_at", "news"}
    GET    /orders        of the payment provider, with payments, refunds and calls back
    POST   /orders/ORDER/pay     {"amount"?, "is_silent"?}: pays (all that is open);
                                 silent: no callback
    POST   /orders/ORDER/call    {"event_id"?, "how"}: a callback again; how: "again",
                                 "forged", "stale", "replayed", "other-amount"
    POST   /refunds/REFUND       {"state": "done" | "refused" | "pending"}
    POST   /courier       {"event_id", "carrier", "tracking", "status", "place"?, "at"?}
    POST   /behave        {"sms"?, "smtp"?, "webhook"?, "pay"?, "refunds"?: "ok" | "busy" |
                           "refuse" | "pending"}: from now on ("pending": refunds only)
    POST   /statement     {"day", "drop"?: [event ids], "add"?: [lines], "amounts"?: {id: fen}}:
                           what is wrong with the statement of a day
    DELETE /              forgets messages, mails and webhooks

The pay page of an order (pay_url) is for a browser: pay all, pay a part, pay too
much, pay twice, pay later, cancel.
"""
import argparse
import base64
import datetime
import email
import email.policy
import hashlib
import hmac
import html
import http.client
import http.server
import json
import os
import re
import secrets
import socketserver
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse
import uuid

TOLERANCE_S = 300
CHINA = datetime.timezone(datetime.timedelta(hours=8))
LOCK = threading.RLock()


def rfc3339(at=None):
    at = time.time() if at is None else at
    return datetime.datetime.fromtimestamp(int(at), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def china_day(at):
    return datetime.datetime.fromtimestamp(at, CHINA).strftime("%Y-%m-%d")


# ---- Signed calls (docs/payment-provider.md, "Signatures") ----------------------

def call_text(method, target, at, nonce, body):
    digest = hashlib.sha256(body).hexdigest()
    return f"signet-call-1\n{method}\n{target}\n{at}\n{nonce}\n{digest}\n".encode()


def answer_text(status, nonce, body):
    digest = hashlib.sha256(body).hexdigest()
    return f"signet-answer-1\n{status}\n{nonce}\n{digest}\n".encode()


class Secret:
    """HMAC-SHA-256 under a shared secret."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.secret = f.read().rstrip()

    def sign(self, text):
        return base64.b64encode(hmac.new(self.secret, text, hashlib.sha256).digest()).decode()

    def verify(self, text, signature):
        return hmac.compare_digest(self.sign(text), signature)


class Pair:
    """Ed25519 by the openssl command: signs with `own`, verifies with `other`."""

    def __init__(self, own, other):
        self.own, self.other = own, other

    def sign(self, text):
        with tempfile.NamedTemporaryFile() as f:
            f.write(text)
            f.flush()
            out = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.own, "-in", f.name],
                                 check=True, capture_output=True).stdout
        return base64.b64encode(out).decode()

    def verify(self, text, signature):
        try:
            raw = base64.b64decode(signature, validate=True)
        except ValueError:
            return False
        with tempfile.NamedTemporaryFile() as f, tempfile.NamedTemporaryFile() as s:
            f.write(text)
            f.flush()
            s.write(raw)
            s.flush()
            done = subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", self.other,
                                   "-in", f.name, "-sigfile", s.name], capture_output=True)
        return done.returncode == 0


def make_files(folder):
    """Keys and secrets, each once."""
    def path(name):
        return os.path.join(folder, name)

    os.makedirs(folder, mode=0o700, exist_ok=True)
    for name in ("payment-ra", "payment-provider"):
        if not os.path.exists(path(name + ".key")):
            subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519", "-out", path(name + ".key")],
                           check=True, capture_output=True)
            subprocess.run(["openssl", "pkey", "-in", path(name + ".key"), "-pubout", "-out", path(name + ".pub")],
                           check=True, capture_output=True)
    for name in ("sms", "webhook", "courier"):
        if not os.path.exists(path(name + ".key")):
            with open(path(name + ".key"), "w", encoding="ascii") as f:
                f.write(secrets.token_hex(32) + "\n")
    for name in os.listdir(folder):
        if name.endswith(".key"):
            os.chmod(path(name), 0o600)
    return path


# ---- What the world remembers ----------------------------------------------------

class World:
    def __init__(self, folder):
        path = make_files(folder)
        self.path = path
        self.provider = Pair(path("payment-provider.key"), path("payment-ra.pub"))
        self.sms_secret = Secret(path("sms.key"))
        self.webhook_secret = Secret(path("webhook.key"))
        self.courier_secret = Secret(path("courier.key"))
        self.ra_url = None
        self.trust_file = None
        self.nonces = {}
        self.sms, self.mails, self.webhooks = [], [], []
        self.orders, self.refunds = {}, {}
        self.behaviour = {"sms": "ok", "smtp": "ok", "webhook": "ok", "pay": "ok", "refunds": "ok"}
        self.statements = {}
        self.pay_url = None
        self.books = path("books.json")
        if os.path.exists(self.books):  # orders and refunds outlive the program
            with open(self.books, encoding="utf-8") as f:
                self.orders, self.refunds = json.load(f)

    def save(self):
        with LOCK:
            with open(self.books + ".new", "w", encoding="utf-8") as f:
                json.dump([self.orders, self.refunds], f)
            os.rename(self.books + ".new", self.books)

    def nonce_is_new(self, sender, nonce):
        with LOCK:
            now = time.time()
            self.nonces = {k: at for k, at in self.nonces.items() if at > now - 2 * TOLERANCE_S}
            if (sender, nonce) in self.nonces:
                return False
            self.nonces[(sender, nonce)] = now
            return True

    # -- calls to the RA

    def call_ra(self, key, target, value, at=None, nonce=None, signature=None, url=None):
        """A signed POST; the status, or 0 when nobody answered."""
        base = urllib.parse.urlsplit(url or self.ra_url or "")
        body = json.dumps(value, ensure_ascii=False).encode()
        at = int(time.time()) if at is None else at
        nonce = nonce or secrets.token_hex(16)
        if signature is None:
            signature = key.sign(call_text("POST", target, at, nonce, body))
        try:
            if base.scheme == "https":
                context = ssl.create_default_context(cafile=self.trust_file)
                link = http.client.HTTPSConnection(base.hostname, base.port, timeout=10, context=context)
            else:
                link = http.client.HTTPConnection(base.hostname, base.port, timeout=10)
            link.request("POST", target, body, {"Content-Type": "application/json", "Signet-Time": str(at),
                                                "Signet-Nonce": nonce, "Signet-Signature": signature})
            answer = link.getresponse()
            text = answer.read().decode("utf-8", "replace")
            link.close()
            return {"status": answer.status, "answer": text, "nonce": nonce, "at": at, "signature": signature}
        except (OSError, http.client.HTTPException) as e:
            return {"status": 0, "answer": str(e), "nonce": nonce, "at": at, "signature": signature}

    # -- payments

    def pay(self, order, amount, is_silent=False):
        with LOCK:
            event = {"event_id": "P" + secrets.token_hex(10), "amount": amount, "at": rfc3339(), "time": time.time(),
                     "calls": []}
            order["payments"].append(event)
            self.save()
        if not is_silent:
            threading.Thread(target=self.call_back, args=(order, event), daemon=True).start()
        return event

    def call_back(self, order, event):
        """Until it is taken, with growing waits, each time signed anew."""
        for wait in (0, 1, 2, 4, 8, 16, 32, 64):
            time.sleep(wait)
            if 200 <= self.call_back_once(order, event)["status"] < 300:
                return

    def call_back_once(self, order, event, how="again"):
        value = {"order": order["order"], "event_id": event["event_id"], "amount": event["amount"], "at": event["at"]}
        target = urllib.parse.urlsplit(order["notify_url"]).path
        url = order["notify_url"]
        if how == "forged":
            done = self.call_ra(self.provider, target, value, url=url,
                                signature=base64.b64encode(secrets.token_bytes(64)).decode())
        elif how == "stale":
            done = self.call_ra(self.provider, target, value, url=url, at=int(time.time()) - 2 * TOLERANCE_S)
        elif how == "replayed":
            last = event["calls"][-1]
            done = self.call_ra(self.provider, target, value, url=url, at=last["at"], nonce=last["nonce"],
                                signature=last["signature"])
        else:
            if how == "other-amount":
                value["amount"] += 100
            done = self.call_ra(self.provider, target, value, url=url)
        with LOCK:
            event["calls"].append(dict(done, how=how))
        return done

    def order_answer(self, order):
        paid = sum(p["amount"] for p in order["payments"])
        answer = {"order": order["order"], "provider_id": order["provider_id"], "amount": order["amount"],
                  "payments": [{k: p[k] for k in ("event_id", "amount", "at")} for p in order["payments"]]}
        if paid < order["amount"]:
            answer["pay_url"] = f"{self.pay_url}/pay/{order['order']}"
        return answer

    def statement(self, day):
        lines = []
        for order in self.orders.values():
            for p in order["payments"]:
                if china_day(p["time"]) == day:
                    lines.append(["payment", p["event_id"], order["order"], p["amount"], p["at"]])
        for refund in self.refunds.values():
            if refund["state"] == "done" and china_day(refund["time"]) == day:
                lines.append(["refund", refund["refund"], refund["order"], refund["amount"], refund["done_at"]])
        wrong = self.statements.get(day, {})
        lines = [x for x in lines if x[1] not in wrong.get("drop", [])] + wrong.get("add", [])
        for x in lines:
            x[3] = wrong.get("amounts", {}).get(x[1], x[3])
        total = sum(x[3] if x[0] == "payment" else -x[3] for x in lines)
        text = ["kind,event_id,order,amount,at"] + [",".join(map(str, x)) for x in lines]
        return "\n".join(text + [f"total,{len(lines)},,{total},"]) + "\n"


# ---- HTTP ---------------------------------------------------------------------------

class Refused(Exception):
    def __init__(self, status, detail):
        super().__init__(detail)
        self.status, self.detail = status, detail


class Handler(http.server.BaseHTTPRequestHandler):
    """One request: `routes` are (method, pattern, function)."""
    protocol_version = "HTTP/1.1"
    routes = ()
    world = None
    key = None             # of whoever calls; None: anybody
    sender = ""
    answers_are_signed = False
    timeout = 30

    def log_message(self, *_):
        pass

    def do(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query))
        try:
            for method, pattern, function in self.routes:
                found = re.fullmatch(pattern, path)
                if found and method == self.command:
                    if self.key is not None and function not in self.open_to_all():
                        self.check()
                    return self.reply(*function(self, *found.groups()))
            raise Refused(404, "there is no such thing")
        except Refused as e:
            problem = {"type": "about:blank", "title": http.client.responses[e.status], "status": e.status,
                       "detail": e.detail}
            self.reply(e.status, problem)

    do_GET = do_POST = do_DELETE = do

    def open_to_all(self):
        return ()

    def check(self):
        at, nonce = self.headers.get("Signet-Time", ""), self.headers.get("Signet-Nonce", "")
        if not at.isdigit() or not re.fullmatch("[0-9a-f]{32}", nonce):
            raise Refused(403, "sign the call")
        text = call_text(self.command, self.path, at, nonce, self.body)
        if not self.key.verify(text, self.headers.get("Signet-Signature", "")):
            raise Refused(403, "the signature is not right")
        if abs(int(at) - time.time()) > TOLERANCE_S:
            raise Refused(403, "the time is not right")
        if not self.world.nonce_is_new(self.sender, nonce):
            raise Refused(409, "this very call came before")

    def json(self):
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise Refused(400, "send a JSON object")
        return value

    def reply(self, status, value, media_type=None, headers=()):
        if isinstance(value, (dict, list)):
            body = json.dumps(value, ensure_ascii=False).encode()
            media_type = "application/problem+json" if status >= 400 else "application/json"
        else:
            body = value.encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type or "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if self.answers_are_signed and self.headers.get("Signet-Nonce"):
            self.send_header("Signet-Signature",
                             self.key.sign(answer_text(status, self.headers["Signet-Nonce"], body)))
        for name, text in headers:
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)


# ---- The payment provider -------------------------------------------------------------

def order_make(self):
    value, world = self.json(), self.world
    if world.behaviour["pay"] == "busy":
        raise Refused(503, "not now")
    if not isinstance(value.get("amount"), int) or value["amount"] < 1 or value.get("currency") != "CNY":
        raise Refused(400, "amount: fen, and the currency is CNY")
    try:
        uuid.UUID(value["order"])
        notify = value["notify_url"]
    except (KeyError, ValueError, TypeError, AttributeError):
        raise Refused(400, "order: a UUID; notify_url: where to tell") from None
    with LOCK:
        order = world.orders.setdefault(value["order"], {
            "order": value["order"], "provider_id": "W" + secrets.token_hex(8), "amount": value["amount"],
            "subject": value.get("subject", ""), "notify_url": notify, "payments": [], "at": rfc3339()})
    if order["amount"] != value["amount"]:
        raise Refused(409, "there is this order with another amount")
    world.save()
    return 200, world.order_answer(order)


def order_find(world, name):
    if name not in world.orders:
        raise Refused(404, "there is no such order")
    return world.orders[name]


def order_show(self, name):
    if self.world.behaviour["pay"] == "busy":
        raise Refused(503, "not now")
    return 200, self.world.order_answer(order_find(self.world, name))


def refund_answer(refund):
    answer = {"refund": refund["refund"], "state": refund["state"]}
    if refund["state"] == "done":
        answer["done_at"] = refund["done_at"]
    elif refund["state"] == "refused":
        answer["problem"] = refund.get("problem", "the account of the payer is closed")
    return answer


def refund_set(refund, state):
    refund["state"] = state
    if state == "done" and "done_at" not in refund:
        refund["time"] = time.time()
        refund["done_at"] = rfc3339(refund["time"])


def refund_make(self):
    value, world = self.json(), self.world
    how = world.behaviour["refunds"]
    if how == "busy":
        raise Refused(503, "not now")
    order = order_find(world, value.get("order"))
    with LOCK:
        if value.get("refund") in world.refunds:
            refund = world.refunds[value["refund"]]
            if refund["amount"] != value.get("amount") or refund["order"] != order["order"]:
                raise Refused(409, "there is this refund with another amount or order")
            return 200, refund_answer(refund)
        gone = sum(r["amount"] for r in world.refunds.values()
                   if r["order"] == order["order"] and r["state"] != "refused")
        paid = sum(p["amount"] for p in order["payments"])
        if not isinstance(value.get("amount"), int) or value["amount"] < 1 or value["amount"] > paid - gone:
            raise Refused(400, "more than was paid cannot go back")
        refund = {"refund": value["refund"], "order": order["order"], "amount": value["amount"]}
        refund_set(refund, {"ok": "done", "refuse": "refused", "pending": "pending"}[how])
        world.refunds[value["refund"]] = refund
        world.save()
    return 200, refund_answer(refund)


def statement_show(self, day):
    if day >= china_day(time.time()) and day not in self.world.statements:
        raise Refused(404, "that day is not over")
    return 200, self.world.statement(day), "text/csv; charset=utf-8"


PAGE = """<!DOCTYPE html>
<html lang="zh"><head><meta charset="utf-8"><title>支付 Pay</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:16px/1.5 sans-serif;max-width:30rem;margin:2rem auto;padding:0 1rem}}
button{{display:block;width:100%;margin:.5rem 0;padding:.7rem;font:inherit}}</style></head>
<body><main><h1>支付 Pay</h1><p>{subject}</p>
<p>应付 Due: <strong>{amount}</strong> 元 · 已付 Paid: <strong id="paid">{paid}</strong> 元</p>
{message}<form method="post">{buttons}</form></main></body></html>"""
BUTTONS = (("all", "全部支付 Pay all"), ("part", "支付一半 Pay half"), ("more", "多付十元 Pay ten yuan too much"),
           ("twice", "支付两次 Pay twice"), ("later", "二十秒后支付 Pay in twenty seconds"),
           ("silent", "支付但不通知 Pay, and tell nobody"), ("cancel", "取消 Cancel"))


def pay_page(self, name, message=""):
    order = order_find(self.world, name)
    paid = sum(p["amount"] for p in order["payments"])
    buttons = "".join(f'<button name="how" value="{v}">{t}</button>' for v, t in BUTTONS)
    return 200, PAGE.format(subject=html.escape(order["subject"]), amount=f"{order['amount'] / 100:.2f}",
                            paid=f"{paid / 100:.2f}", buttons=buttons,
                            message=f'<p role="status">{message}</p>' if message else ""), "text/html; charset=utf-8"


def pay_click(self, name):
    world, order = self.world, order_find(self.world, name)
    how = dict(urllib.parse.parse_qsl(self.body.decode())).get("how")
    left = max(order["amount"] - sum(p["amount"] for p in order["payments"]), 1)
    if how == "all":
        world.pay(order, left)
    elif how == "part":
        world.pay(order, max(left // 2, 1))
    elif how == "more":
        world.pay(order, left + 1000)
    elif how == "twice":
        world.pay(order, order["amount"])
        world.pay(order, order["amount"])
    elif how == "silent":
        world.pay(order, left, is_silent=True)
    elif how == "later":
        threading.Timer(20, world.pay, (order, left)).start()
    elif how == "cancel":
        return pay_page(self, name, "已取消 Cancelled")
    else:
        raise Refused(400, "how to pay?")
    return pay_page(self, name, "支付成功 Paid" if how != "later" else "稍后支付 Will be paid")


class Provider(Handler):
    sender = "payment"
    answers_are_signed = True
    routes = (
        ("POST", "/v1/orders", order_make),
        ("GET", "/v1/orders/([0-9a-f-]{36})", order_show),
        ("POST", "/v1/refunds", refund_make),
        ("GET", r"/v1/statements/(\d{4}-\d\d-\d\d)", statement_show),
        ("GET", "/pay/([0-9a-f-]{36})", pay_page),
        ("POST", "/pay/([0-9a-f-]{36})", pay_click),
    )

    def open_to_all(self):
        return (pay_page, pay_click)


# ---- SMS gateway, host platform ----------------------------------------------------------

def sms_take(self):
    value, world = self.json(), self.world
    if world.behaviour["sms"] == "busy":
        raise Refused(503, "not now")
    if world.behaviour["sms"] == "refuse" or not re.fullmatch(r"\+?\d{5,15}", str(value.get("to"))):
        raise Refused(400, "to: a telephone number")
    with LOCK:
        known = [m for m in world.sms if m["id"] == value.get("id")]
        if not known:
            world.sms.append({"id": value.get("id"), "to": value["to"], "text": value.get("text", ""),
                              "at": rfc3339()})
    return 202, {"id": value.get("id"), "result": "known" if known else "taken"}


def webhook_take(self):
    value, world = self.json(), self.world
    if world.behaviour["webhook"] == "busy":
        raise Refused(503, "not now")
    if world.behaviour["webhook"] == "refuse":
        raise Refused(400, "not wanted")
    with LOCK:
        if not [w for w in world.webhooks if w["id"] == value.get("id")]:
            world.webhooks.append(value)
    return 200, {"result": "taken"}


class Gateway(Handler):
    sender = "sms"
    routes = (("POST", "/v1/messages", sms_take),)


class Platform(Handler):
    sender = "webhook"
    routes = (("POST", "/news", webhook_take),)


# ---- SMTP ------------------------------------------------------------------------------------

class Smtp(socketserver.StreamRequestHandler):
    """RFC 5321, as much as a sender needs: EHLO, MAIL, RCPT, DATA, RSET, NOOP, QUIT."""
    world = None
    timeout = 60

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def line(self):
        line = self.rfile.readline(4096)
        return line.rstrip(b"\r\n").decode("ascii", "replace") if line.endswith(b"\r\n") else None

    def data(self):
        lines = []
        while True:
            line = self.rfile.readline(1100)
            if not line.endswith(b"\r\n"):
                return None  # RFC 5321, 4.5.3.1.6: or longer than a line may be
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)

    def keep(self, sender, receivers, raw):
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        with LOCK:
            self.world.mails.append({
                "from": sender, "to": receivers, "subject": str(mail["Subject"]), "text": mail.get_content().replace("\r\n", "\n"),
                "message_id": str(mail["Message-ID"]), "raw": raw.decode("ascii", "replace"), "at": rfc3339()})

    def handle(self):
        sender, receivers = None, []
        self.say("220 world.example ESMTP")
        while (line := self.line()) is not None:
            verb = line[:4].upper()
            if verb in ("EHLO", "HELO"):
                self.say("250-world.example")
                self.say("250 8BITMIME")
            elif verb == "MAIL" and (found := re.match(r"MAIL FROM:<([^>]*)>", line, re.I)):
                sender, receivers = found[1], []
                self.say("250 OK")
            elif verb == "RCPT" and sender is not None and (found := re.match(r"RCPT TO:<([^>]+)>", line, re.I)):
                how = self.world.behaviour["smtp"]
                if how == "busy":
                    self.say("451 not now")
                elif how == "refuse":
                    self.say("550 no such mailbox")
                else:
                    receivers.append(found[1])
                    self.say("250 OK")
            elif verb == "DATA" and receivers:
                self.say("354 go on")
                raw = self.data()
                if raw is None:
                    self.say("500 line too long")
                    return
                self.keep(sender, receivers, raw)
                sender, receivers = None, []
                self.say("250 kept")
            elif verb == "RSET":
                sender, receivers = None, []
                self.say("250 OK")
            elif verb == "NOOP":
                self.say("250 OK")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("503 not now")


# ---- Control ------------------------------------------------------------------------------------

def control_ra(self):
    value = self.json()
    self.world.ra_url, self.world.trust_file = value["url"], value.get("trust_file")
    return 200, {}


def control_list(name):
    def show(self):
        with LOCK:
            return 200, list(getattr(self.world, name))
    return show


def control_orders(self):
    with LOCK:
        return 200, {"orders": list(self.world.orders.values()), "refunds": list(self.world.refunds.values())}


def control_pay(self, name):
    order, value = order_find(self.world, name), self.json()
    left = max(order["amount"] - sum(p["amount"] for p in order["payments"]), 0)
    event = self.world.pay(order, value.get("amount", left), is_silent=True)
    if not value.get("is_silent"):
        self.world.call_back_once(order, event)
        if not 200 <= event["calls"][-1]["status"] < 300:
            threading.Thread(target=self.world.call_back, args=(order, event), daemon=True).start()
    return 200, event


def control_call(self, name):
    order, value = order_find(self.world, name), self.json()
    events = [p for p in order["payments"] if value.get("event_id") in (None, p["event_id"])]
    if not events:
        raise Refused(404, "nothing was paid")
    return 200, self.world.call_back_once(order, events[-1], value.get("how", "again"))


def control_refund(self, name):
    if name not in self.world.refunds:
        raise Refused(404, "there is no such refund")
    with LOCK:
        refund_set(self.world.refunds[name], self.json()["state"])
        self.world.save()
    return 200, refund_answer(self.world.refunds[name])


def control_courier(self):
    value = self.json()
    value.setdefault("event_id", secrets.token_hex(8))
    value.setdefault("at", rfc3339())
    return 200, self.world.call_ra(self.world.courier_secret, "/v1/callbacks/courier", value)


def control_behave(self):
    self.world.behaviour.update(self.json())
    return 200, self.world.behaviour


def control_statement(self):
    value = self.json()
    self.world.statements[value["day"]] = value
    return 200, {}


def control_forget(self):
    with LOCK:
        self.world.sms.clear()
        self.world.mails.clear()
        self.world.webhooks.clear()
    return 200, {}


class Control(Handler):
    routes = (
        ("POST", "/ra", control_ra),
        ("GET", "/sms", control_list("sms")),
        ("GET", "/mails", control_list("mails")),
        ("GET", "/webhooks", control_list("webhooks")),
        ("GET", "/orders", control_orders),
        ("POST", "/orders/([0-9a-f-]{36})/pay", control_pay),
        ("POST", "/orders/([0-9a-f-]{36})/call", control_call),
        ("POST", "/refunds/([0-9a-f-]{36})", control_refund),
        ("POST", "/courier", control_courier),
        ("POST", "/behave", control_behave),
        ("POST", "/statement", control_statement),
        ("DELETE", "/", control_forget),
    )


# ---- All of it ------------------------------------------------------------------------------------

class HttpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class SmtpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def serve(server_class, handler, port=0, **members):
    server = server_class(("127.0.0.1", port), type(handler.__name__, (handler,), members))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def main():
    parser = argparse.ArgumentParser(prog="world.py")
    parser.add_argument("folder")
    parser.add_argument("--ports", default="0,0,0,0,0")
    parser.add_argument("--ra")
    parser.add_argument("--trust")
    parser.add_argument("--make-files", action="store_true", help="keys and secrets, and no more")
    options = parser.parse_args()
    if options.make_files:
        make_files(options.folder)
        return
    ports = [int(port) for port in options.ports.split(",")]
    world = World(options.folder)
    world.ra_url, world.trust_file = options.ra, options.trust
    pay = serve(HttpServer, Provider, port=ports[0], world=world, key=world.provider)
    world.pay_url = f"http://127.0.0.1:{pay}"
    sms = serve(HttpServer, Gateway, port=ports[1], world=world, key=world.sms_secret)
    webhook = serve(HttpServer, Platform, port=ports[2], world=world, key=world.webhook_secret)
    smtp = serve(SmtpServer, Smtp, port=ports[3], world=world)
    control = serve(HttpServer, Control, port=ports[4], world=world)
    addresses = {
        "pay_url": world.pay_url,
        "sms_url": f"http://127.0.0.1:{sms}",
        "smtp_url": f"smtp://127.0.0.1:{smtp}",
        "webhook_url": f"http://127.0.0.1:{webhook}/news",
        "control_url": f"http://127.0.0.1:{control}",
        "payment_key_file": world.path("payment-ra.key"),
        "payment_provider_key_file": world.path("payment-provider.pub"),
        "sms_key_file": world.path("sms.key"),
        "webhook_key_file": world.path("webhook.key"),
        "courier_key_file": world.path("courier.key"),
    }
    beside = world.path("world.json.new")
    with open(beside, "w", encoding="utf-8") as f:
        json.dump({k: os.path.abspath(v) if k.endswith("_file") else v for k, v in addresses.items()}, f, indent=1)
    os.rename(beside, world.path("world.json"))
    threading.Event().wait()


if __name__ == "__main__":
    main()
