"""
The API's description held against what is really said.

    contract = Contract.of(stack)                 # /openapi.yaml as it is served
    contract.hold(requests.get(…))                # an answer: fails when status, header, type or body is not described
    contract.unserved()                           # what is described and was never seen
"""

import dataclasses
import json
import re
from urllib.parse import urlsplit

import requests
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

METHODS = ("get", "post", "put", "patch", "delete")
# How HTTP itself moves an answer; what it means is elsewhere.
FRAMING = {"date", "server", "connection", "keep-alive", "content-length", "content-type", "transfer-encoding"}


@dataclasses.dataclass
class Told:
    method: str
    path: str
    status: int
    headers: requests.structures.CaseInsensitiveDict
    body: bytes

    @property
    def media_type(self):
        return self.headers.get("Content-Type", "").partition(";")[0].strip()

    def __str__(self):
        return f"{self.method} {self.path[:200]}: {self.status} {dict(self.headers)} {self.body[:1000]}"


class Contract:
    def __init__(self, document):
        self.document = document
        self.registry = Registry().with_resource("urn:openapi", Resource.from_contents(document, DRAFT202012))
        self.seen = set()  # (operationId, status, media type)
        # Headers of every answer are named in the introduction, not with each of them.
        self.general = {name.lower() for name in re.findall(r"`([A-Z][A-Za-z-]+)`", document["info"]["description"])}

    @classmethod
    def of(cls, stack):
        answer = requests.get(f"{stack.url}/openapi.yaml", timeout=15)
        assert answer.status_code == 200, answer.text
        return cls(yaml.safe_load(answer.content))

    # --- reading the document ---

    def operations(self):
        """(path, method, operation) of each."""
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield path, method, item[method]

    def resolve(self, node):
        while "$ref" in node:
            at = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                at = at[part.replace("~1", "/").replace("~0", "~")]
            node = at
        return node

    def _item_of(self, path):
        """The path's item: a plain one before one with parameters."""
        for template in sorted(self.document["paths"], key=lambda one: one.count("{")):
            if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path):
                return template, self.document["paths"][template]
        return None, None

    def errors_of(self, value, schema):
        """What is wrong with a value, by a schema of this document."""
        validator = Draft202012Validator(_rooted(schema), registry=self.registry)
        return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(value)]

    # --- answers ---

    def hold(self, answer):
        """Of `requests`; returns it, so that a test can go on with it."""
        told = Told(answer.request.method, urlsplit(answer.request.url).path, answer.status_code, answer.headers, answer.content)
        self._hold(told)
        return answer

    def hold_raw(self, method, target, answer):
        """Of support/raw.py."""
        assert answer is not None, f"{method} {target[:100]}: closed without an answer"
        names = [name.lower() for name, _ in answer.headers]
        assert len(names) == len(set(names)), f"a header comes twice: {answer.headers}"
        headers = requests.structures.CaseInsensitiveDict(answer.headers)
        self._hold(Told(method, target.partition("?")[0], answer.status, headers, answer.body))
        return answer

    def _hold(self, told):
        name, response = self._described(told)
        assert response, f"not described: {told}"
        wrong = list(self._wrong(self.resolve(response), told))
        assert not wrong, f"{wrong}: {told}"
        self.seen.add((name, told.status, told.media_type))

    def _described(self, told):
        """Whose answer it is, and what is said of it."""
        template, item = self._item_of(told.path)
        method = "get" if told.method == "HEAD" else told.method.lower()
        if item is None:
            return "any path", self._component(told, 404, "NotFound")
        if method not in item:
            return template, self._component(told, 405, "MethodNotAllowed")
        return item[method]["operationId"], item[method]["responses"].get(str(told.status))

    def _component(self, told, status, name):
        return self.document["components"]["responses"][name] if told.status == status else None

    def _wrong(self, response, told):
        yield from self._wrong_headers(response.get("headers", {}), told.headers)
        content = response.get("content", {})
        if not content or told.method == "HEAD":
            if told.body:
                yield "a body where there is none"
            return
        media = content.get(told.media_type)
        if media is None:
            yield f"{told.media_type} is none of {list(content)}"
            return
        value = told.body.decode()
        if told.media_type.endswith("json"):
            if "charset=utf-8" not in told.headers["Content-Type"]:
                yield "no charset"
            value = json.loads(value)
        yield from self.errors_of(value, media["schema"])

    def _wrong_headers(self, described, headers):
        described = {name.lower(): self.resolve(header) for name, header in described.items()}
        for name, header in described.items():
            value = headers.get(name)
            if value is None:
                if header.get("required"):
                    yield f"{name} is missing"
                continue
            if self.resolve(header["schema"]).get("type") == "integer" and re.fullmatch("-?[0-9]+", value):
                value = int(value)
            yield from (f"{name}: {error}" for error in self.errors_of(value, header["schema"]))
        for name in headers:
            if name.lower() not in described and name.lower() not in FRAMING | self.general:
                yield f"{name} is not described"

    # --- the other way round ---

    def unserved(self, excused=()):
        """(operationId, status) that nobody has seen; statuses in `excused` don't count."""
        seen = {(name, str(status)) for name, status, _ in self.seen}
        return sorted((operation["operationId"], status) for _, _, operation in self.operations()
                      for status in operation["responses"]
                      if status not in excused and (operation["operationId"], status) not in seen)


def _rooted(schema):
    """A schema whose "#/…" are found in the document, wherever it was cut out."""
    if isinstance(schema, dict):
        return {key: "urn:openapi" + value if key == "$ref" and value.startswith("#") else _rooted(value)
                for key, value in schema.items()}
    if isinstance(schema, list):
        return [_rooted(one) for one in schema]
    return schema
