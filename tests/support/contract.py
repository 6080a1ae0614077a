"""
The API's description held against what is really said.

    contract = Contract.of(stack)                 # /openapi.yaml as it is served
    contract.hold(requests.get(…))                # an answer: fails when status, header, type or body is not described
    contract.unserved()                           # what is described and was never seen
"""

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
        """Returns the answer, so that a test can go on with it."""
        method = answer.request.method.lower()
        template, item = self._item_of(urlsplit(answer.request.url).path)
        wanted = "get" if method == "head" else method
        if item is None:
            name, response = "any path", self._component(404, "NotFound", answer)
        elif wanted not in item:
            name, response = template, self._component(405, "MethodNotAllowed", answer)
        else:
            name = item[wanted]["operationId"]
            response = item[wanted]["responses"].get(str(answer.status_code))
        where = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.headers} {answer.text[:1000]}"
        assert response, f"not described: {where}"
        wrong = list(self._wrong(self.resolve(response), answer, method))
        assert not wrong, f"{wrong}: {where}"
        self.seen.add((name, answer.status_code, _media_type(answer)))
        return answer

    def _component(self, status, name, answer):
        return self.document["components"]["responses"][name] if answer.status_code == status else None

    def _wrong(self, response, answer, method):
        yield from self._wrong_headers(response.get("headers", {}), answer)
        content = response.get("content", {})
        if not content or method == "head":
            if answer.content:
                yield "a body where there is none"
            return
        media = content.get(_media_type(answer))
        if media is None:
            yield f"{answer.headers.get('Content-Type')} is none of {list(content)}"
            return
        value = answer.text
        if _media_type(answer).endswith("json"):
            if "charset=utf-8" not in answer.headers["Content-Type"]:
                yield "no charset"
            value = json.loads(answer.content.decode())
        yield from self.errors_of(value, media["schema"])

    def _wrong_headers(self, described, answer):
        described = {name.lower(): self.resolve(header) for name, header in described.items()}
        for name, header in described.items():
            value = answer.headers.get(name)
            if value is None:
                if header.get("required"):
                    yield f"{name} is missing"
                continue
            if self.resolve(header["schema"]).get("type") == "integer" and re.fullmatch("-?[0-9]+", value):
                value = int(value)
            yield from (f"{name}: {error}" for error in self.errors_of(value, header["schema"]))
        for name in answer.headers:
            if name.lower() not in described and name.lower() not in FRAMING | self.general:
                yield f"{name} is not described"

    # --- the other way round ---

    def unserved(self, excused=()):
        """(operationId, status) that nobody has seen; statuses in `excused` don't count."""
        seen = {(name, str(status)) for name, status, _ in self.seen}
        return sorted((operation["operationId"], status) for _, _, operation in self.operations()
                      for status in operation["responses"]
                      if status not in excused and (operation["operationId"], status) not in seen)


def _media_type(answer):
    return answer.headers.get("Content-Type", "").partition(";")[0].strip()


def _rooted(schema):
    """A schema whose "#/…" are found in the document, wherever it was cut out."""
    if isinstance(schema, dict):
        return {key: "urn:openapi" + value if key == "$ref" and value.startswith("#") else _rooted(value)
                for key, value in schema.items()}
    if isinstance(schema, list):
        return [_rooted(one) for one in schema]
    return schema
