"""
Compares what is called and answered with docs/openapi.yaml, while other tests
run: watch(play.Line), watch(device.Line). The part of JSON Schema that the
document uses.
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

    def check(self, value, schema, where):
        schema = self.resolve(schema)
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

    def answered(self, method, path, status, value):
        operation = self.find(method, path.partition("?")[0])
        name = operation["operationId"]
        where = f"{name} {status}"
        answer = self.resolve(operation["responses"].get(str(status)))
        if answer is None:
            raise AssertionError(f"{where}: not documented")
        self.seen.setdefault(name, set()).add(status)
        content = answer.get("content", {})
        for kind in ("application/json", "application/problem+json"):
            if kind in content and isinstance(value, (dict, list)):
                self.check(value, content[kind]["schema"], where)

    def watch(self, line, refused, only=None):
        """Every call of this class from now on; `only`: of these tags."""
        original = line.call

        def call(this, method, path, *args, **named):
            try:
                value = original(this, method, path, *args, **named)
                status = None
            except refused as error:
                value, status = error.problem, error.status
                self.judge(method, path, status, value, only)
                raise
            self.judge(method, path, status, value, only)
            return value

        line.call = call

    def judge(self, method, path, status, value, only):
        operation = self.find(method, path.partition("?")[0])
        if only and not set(only) & set(operation["tags"]):
            return
        if status is None:  # the call does not tell which of the good ones
            good = [int(code) for code in operation["responses"] if code.startswith("2")]
            problems = []
            for code in good:
                try:
                    return self.answered(method, path, code, value)
                except AssertionError as problem:
                    problems.append(str(problem))
            sys.exit("FAIL: " + "; ".join(problems))
        try:
            self.answered(method, path, status, value)
        except AssertionError as problem:
            sys.exit(f"FAIL: {problem}")

    def unasked(self, tags):
        """Operations of these tags that nobody asked well."""
        return sorted(operation["operationId"] for _, _, _, operation in self.operations
                      if set(tags) & set(operation["tags"])
                      and not {200, 201, 202} & self.seen.get(operation["operationId"], set()))
