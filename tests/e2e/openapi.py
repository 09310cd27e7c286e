"""Calls every operation of docs/openapi.yaml and compares the answers with it.

usage: openapi.py SOURCE STATE RA_URL CA_BUNDLE WORK
"""

import base64
import datetime
import hashlib
import http.client
import json
import re
import ssl
import subprocess
import sys
import urllib.parse
import uuid

import yaml

source, state, ra_url, bundle, work = sys.argv[1:6]
spec = yaml.safe_load(open(f"{source}/docs/openapi.yaml", encoding="utf-8"))
address = urllib.parse.urlsplit(ra_url)
seen = {}  # operationId: statuses


def fail(text):
    sys.exit(f"FAIL: {text}")


def resolve(node):
    while isinstance(node, dict) and "$ref" in node:
        path, node = node["$ref"], spec
        for part in path.removeprefix("#/").split("/"):
            node = node[part]
    return node


TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


def check(value, schema, where):
    """The part of JSON Schema that the document uses."""
    schema = resolve(schema)
    if "type" in schema and not isinstance(value, TYPES[schema["type"]]):
        fail(f"{where}: {value!r} is no {schema['type']}")
    if "enum" in schema and value not in schema["enum"]:
        fail(f"{where}: {value!r} is none of {schema['enum']}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        fail(f"{where}: {value!r} does not match {schema['pattern']}")
    if schema.get("format") == "uuid":
        uuid.UUID(value)
    if schema.get("format") == "date-time":
        datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dict):
        for name in schema.get("required", []):
            if name not in value:
                fail(f"{where}: {name} is missing")
        known = schema.get("properties", {})
        for name, member in value.items():
            if name in known:
                check(member, known[name], f"{where}.{name}")
            elif known and where.split(".")[0] not in LOOSE:
                fail(f"{where}: {name} is not documented")
    if isinstance(value, list):
        for i, item in enumerate(value):
            check(item, schema.get("items", {}), f"{where}[{i}]")


LOOSE = {"health"}


def operations():
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            if method in ("get", "post", "put", "patch", "delete"):
                yield operation["operationId"], method, path, operation


OPERATIONS = {name: (method, path, operation) for name, method, path, operation in operations()}


def tls(officer):
    context = ssl.create_default_context(cafile=bundle)
    if officer:
        context.load_cert_chain(f"{state}/officers/{officer}/cert.pem", f"{state}/officers/{officer}/key.pem")
    return context


def call(name, want, number=None, body=None, token=None, officer=None, query=""):
    """One request; the answer is compared with the document, then returned."""
    method, path, operation = OPERATIONS[name]
    if number:
        path = path.replace("{number}", number)
    headers = {}
    data = None
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    connection = http.client.HTTPSConnection(address.hostname, address.port, context=tls(officer), timeout=90)
    connection.request(method.upper(), path + query, body=data, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    where = f"{name} {answer.status}"
    if answer.status != want:
        fail(f"{name}: wanted {want}, got {answer.status}: {content[:400]!r}")
    described = resolve(operation["responses"].get(str(answer.status)))
    if described is None:
        fail(f"{where} is not documented")
    for header in described.get("headers", {}):
        if answer.getheader(header) is None:
            fail(f"{where}: header {header} is missing")
    kind = (answer.getheader("Content-Type") or "").split(";")[0]
    if kind not in described["content"]:
        fail(f"{where}: media type {kind} is not documented")
    seen.setdefault(name, set()).add(answer.status)
    connection.close()
    if not kind.endswith("json"):
        return content.decode()
    value = json.loads(content)
    check(value, described["content"][kind]["schema"], name)
    if answer.status >= 400 and name != "health" and value["status"] != answer.status:
        fail(f"{where}: the problem document says {value['status']}")
    return value


def routes_are_documented():
    text = open(f"{source}/ra/handlers.c", encoding="utf-8").read()
    served = {(m.lower(), p) for m, p in re.findall(r'\{HTTP_([A-Z]+),\s*"([^"]+)"', text)}
    served |= {("get", "/health"), ("get", "/metrics")}
    written = {(method, path) for method, path, _ in OPERATIONS.values()}
    if len(served) < 5 or served != written:
        fail(f"routes and document differ: {served ^ written}")


def decision(review, officer, step, verdict, **more):
    """A decision by openssl alone, from what docs/architecture.md says."""
    folder = f"{state}/officers/{officer}"
    canonical = lambda value: json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    digest = hashlib.sha256(canonical(review["order"])).hexdigest()
    if digest != review["digest"]:
        fail("the digest is not that of the order")
    statement = {
        "decided_at": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "digest": digest,
        "officer_id": open(f"{folder}/officer_id", encoding="ascii").read().strip(),
        "order_id": review["order"]["order_id"],
        "step": step,
        "verdict": verdict,
        **more,
    }
    signature = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", f"{folder}/key.pem"],
        input=canonical(statement), stdout=subprocess.PIPE, check=True,
    ).stdout
    der = subprocess.run(
        ["openssl", "x509", "-in", f"{folder}/cert.pem", "-outform", "DER"],
        stdout=subprocess.PIPE, check=True,
    ).stdout
    message = {k: statement[k] for k in ("step", "officer_id", "decided_at", "verdict")}
    return {
        **message,
        **more,
        "credential_id": hashlib.sha256(der).hexdigest(),
        "signature": base64.b64encode(signature).decode(),
    }


def nobody_is_served():
    for name, (_, _, operation) in OPERATIONS.items():
        if operation.get("security", True):
            call(name, 401, number="N20260101-000001", body=None)


def the_story():
    account = f"openapi-{uuid.uuid4().hex[:12]}"
    call("createAccount", 403, body={"account": account}, officer="clerk")
    call("createAccount", 400, body={"account": "A"}, officer="admin-a")
    token = call("createAccount", 201, body={"account": account}, officer="admin-a")["token"]
    call("createAccount", 409, body={"account": account}, officer="admin-a")
    page = call("listAccounts", 200, officer="admin-a", query="?limit=1")
    call("listAccounts", 200, officer="admin-a", query=f"?limit=100&after={page['accounts'][0]['account']}")
    call("listAccounts", 400, officer="admin-a", query="?limit=0")
    call("listAccounts", 403, token=token)

    application = {
        "applicant": {
            "unit_name": "接口测试有限公司",
            "uscc": "91350100M000100Y43",
            "kind": "company",
            "domicile": {"country": "CN", "province": "福建省", "locality": "福州市", "street": "五四路 1 号"},
            "handler": {"name": "郑经办", "person": "H-0100", "mobile": "13800000001"},
        },
        "years": 1,
        "csr": open(f"{work}/csr.pem", encoding="ascii").read(),
    }
    call("createApplication", 400, token=token, body={**application, "years": 6})
    call("createApplication", 400, token=token, body={**application, "csr": "AAAA"})
    call("createApplication", 400, token=token, body={**application, "colour": "red"})
    call("createApplication", 403, officer="clerk", body=application)
    draft = call("createApplication", 201, token=token, body=application)
    number = draft["number"]
    call("createApplication", 409, token=token, body=application)
    call("showApplication", 200, number=number, token=token)
    call("showApplication", 200, number=number, officer="clerk")
    call("showApplication", 404, number="N20260101-999999", token=token)
    call("listApplications", 200, token=token, query="?state=draft")
    call("listApplications", 400, token=token, query="?state=lost")
    call("showReview", 409, number=number, officer="clerk")
    call("editApplication", 200, number=number, token=token, body={**application, "revision": draft["revision"]})
    call("editApplication", 409, number=number, token=token, body={**application, "revision": draft["revision"]})
    call("downloadCertificate", 404, number=number, token=token)
    call("submitApplication", 200, number=number, token=token)
    call("submitApplication", 409, number=number, token=token)

    review = call("showReview", 200, number=number, officer="clerk")
    call("decide", 400, number=number, officer="clerk", body={"step": "entry"})
    call("decide", 403, number=number, officer="first", body=decision(review, "clerk", "entry", "approve"))
    call("decide", 409, number=number, officer="first", body=decision(review, "first", "first-review", "approve"))
    call("decide", 200, number=number, officer="clerk",
         body=decision(review, "clerk", "entry", "return", remark="请更正住所"))
    history = call("showHistory", 200, number=number, token=token)["history"]
    if history[-1]["remark"] != "请更正住所":
        fail("the applicant does not see the remark")
    call("submitApplication", 200, number=number, token=token)
    for officer, step in (("clerk", "entry"), ("first", "first-review"), ("second", "second-review")):
        review = call("showReview", 200, number=number, officer=officer)
        review = call("decide", 200, number=number, officer=officer,
                      body=decision(review, officer, step, "approve"))
    if review["application"]["state"] != "issued":
        fail(f"after three decisions it is {review['application']['state']}")
    pem = call("downloadCertificate", 200, number=number, token=token)
    if pem.count("-----BEGIN CERTIFICATE-----") != 2:
        fail("not two certificates")
    chain(call("showHistory", 200, number=number, officer="first")["history"])
    call("withdrawApplication", 409, number=number, token=token)
    withdrawn(application)


def withdrawn(application):
    account = f"openapi-{uuid.uuid4().hex[:12]}"
    token = call("createAccount", 201, body={"account": account}, officer="admin-a")["token"]
    number = call("createApplication", 201, token=token, body=application)["number"]
    call("withdrawApplication", 200, number=number, token=token)


def chain(history):
    """Every link holds the hash of the one before."""
    previous = "0" * 64
    for link in history:
        octets = base64.b64decode(link["link"])
        if json.loads(octets)["previous"] != previous or hashlib.sha256(octets).hexdigest() != link["hash"]:
            fail(f"link {link['seq']} does not follow")
        previous = link["hash"]


def everything_was_asked():
    for name, (_, _, operation) in OPERATIONS.items():
        if not {200, 201} & seen.get(name, set()):
            fail(f"{name} was never answered well")
    print(f"ok {len(seen)} operations, {sum(len(s) for s in seen.values())} answers as documented")


routes_are_documented()
call("health", 200)
call("metrics", 200)
nobody_is_served()
the_story()
everything_was_asked()
