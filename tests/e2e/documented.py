"""
Compares what is called and answered with docs/openapi.yaml, while other tests
run: watch(play.Line). The part of JSON Schema that the document uses.
"""
import datetime
import re
import sys
import uuid

import yaml

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


class Document:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.spec = yaml.safe_load(file)
        self.seen = {}  # operationId: statuses
        self.operations = []
        for template, item in self.spec["paths"].items():
            pattern = re.compile("^" + re.sub(r"\\{[a-z_]+\\}", "[^/]+", re.escape(template)) + "$")
            for method, operation in item.items():
                if method in ("get", "post", "put", "patch", "delete"):
                    self.operations.append((method.upper(), pattern, "{" in template, operation))

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            path, node = node["$ref"], self.spec
            for part in path.removeprefix("#/").split("/"):
                node = node[part]
        return node

    def flat(self, schema):
        """References followed, and the parts of allOf as one."""
        schema = self.resolve(schema)
        if "allOf" not in schema:
            return schema
        whole = {"type": "object", "properties": {}, "required": []}
        for part in map(self.flat, schema["allOf"]):
            whole["properties"].update(part.get("properties", {}))
            whole["required"] += part.get("required", [])
        return whole

    def check(self, value, schema, where):
        schema = self.flat(schema)
        if "type" in schema and (not isinstance(value, TYPES[schema["type"]])
                                 or schema["type"] == "integer" and isinstance(value, bool)):
            raise AssertionError(f"{where}: {value!r} is no {schema['type']}")
        if "enum" in schema and value not in schema["enum"]:
            raise AssertionError(f"{where}: {value!r} is none of {schema['enum']}")
        if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
            raise AssertionError(f"{where}: {value!r} does not match {schema['pattern']}")
        if schema.get("format") == "uuid":
            uuid.UUID(value)
        if schema.get("format") == "date-time":
            datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
        if isinstance(value, dict):
            for name in schema.get("required", []):
                if name not in value:
                    raise AssertionError(f"{where}: {name} is missing")
            known = schema.get("properties", {})
            for name, member in value.items():
                if name in known:
                    self.check(member, known[name], f"{where}.{name}")
                elif known:
                    raise AssertionError(f"{where}: {name} is not documented")
        if isinstance(value, list):
            for i, item in enumerate(value):
                self.check(item, schema.get("items", {}), f"{where}[{i}]")

    def find(self, method, path):
        found = [(is_open, operation) for known, pattern, is_open, operation in self.operations
                 if known == method and pattern.match(path)]
        if not found:
            raise AssertionError(f"{method} {path}: not documented")
        return min(found, key=lambda one: one[0])[1]  # the one without braces first

    def answered(self, method, path, answer, value, body=None):
        """`answer` has a status and headers; `body`: what was sent, if it was JSON."""
        operation = self.find(method, path.partition("?")[0])
        name, status = operation["operationId"], answer.status
        where = f"{name} {status}"
        described = self.resolve(operation["responses"].get(str(status)))
        if described is None:
            raise AssertionError(f"{where}: not documented: {value!r}")
        for header in described.get("headers", {}):
            if answer.getheader(header) is None:
                raise AssertionError(f"{where}: header {header} is missing")
        content = described.get("content", {})
        kind = (answer.getheader("Content-Type") or "").split(";")[0]
        if value and content and kind not in content and "*/*" not in content:
            raise AssertionError(f"{where}: media type {kind} is not documented")
        if kind in content and kind.endswith("json"):
            self.check(value, content[kind]["schema"], where)
        if kind == "application/problem+json" and value["status"] != status:
            raise AssertionError(f"{where}: the problem document says {value['status']}")
        if body is not None and status < 300:  # what was taken was documented
            asked = self.resolve(operation.get("requestBody", {})).get("content", {})
            if "application/json" not in asked:
                raise AssertionError(f"{name}: no body is documented")
            self.check(body, asked["application/json"]["schema"], f"{name} request")
        self.seen.setdefault(name, set()).add(status)

    def watch(self, line, refused, only=None):
        """Every call of this class from now on; `only`: of these tags."""
        original = line.call

        def call(this, method, path, *args, **named):
            body = named.get("body", args[0] if args else None)
            try:
                value = original(this, method, path, *args, **named)
            except refused as error:
                self.judge(method, path, this.answer, error.problem, body, only)
                raise
            self.judge(method, path, this.answer, value, body, only)
            return value

        line.call = call

    def judge(self, method, path, answer, value, body, only):
        operation = self.find(method, path.partition("?")[0])
        if only and not set(only) & set(operation["tags"]):
            return
        try:
            self.answered(method, path, answer, value, body)
        except AssertionError as problem:
            sys.exit(f"FAIL: {problem}")

    def unasked(self, tags=None):
        """Operations (of these tags) that nobody asked well."""
        return sorted(operation["operationId"] for _, _, _, operation in self.operations
                      if (tags is None or set(tags) & set(operation["tags"]))
                      and not any(status < 400 for status in self.seen.get(operation["operationId"], ())))

    def references(self):
        """Every $ref of the document, wherever it stands."""
        left = [self.spec]
        while left:
            node = left.pop()
            if isinstance(node, dict):
                if "$ref" in node:
                    yield node["$ref"]
                left += node.values()
            elif isinstance(node, list):
                left += node
