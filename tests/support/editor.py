"""An editor's platform: its credentials, its tokens, the API's calls. Answers are plain `requests` responses."""

import itertools

import requests

_numbers = itertools.count(1)
MARKET = {
    "name": "Fourniture de matériel informatique",
    "lot_name": "Lot 1 - Ordinateurs portables",
    "deadline": "2030-06-15T23:59:59Z",
    "market_type_codes": ["supplies", "services"],
}


class Editor:
    def __init__(self, stack, webhook_url=None, return_url=None, **options):
        """Created by the operator's command; `options` are more of its flags (webhook_secret_file=…)."""
        self.stack = stack
        flags = {"name": f"Éditeur de test {next(_numbers)}", "webhook_url": webhook_url, "return_url": return_url} | options
        words = [word for name, value in flags.items() if value for word in (f"--{name.replace('_', '-')}", str(value))]
        created = stack.run("vr-auth", "editor", "create", *words)
        self.id = created["id"]
        self.client_id = created["client_id"]
        self.client_secret = created["client_secret"]
        self.webhook_secret = created["webhook_secret"]
        self.http = requests.Session()
        self._tokens = {}

    def command(self, verb, *words):
        """`vr-auth editor VERB <this editor> …`"""
        return self.stack.run("vr-auth", "editor", verb, self.client_id, *words)

    # --- tokens ---

    def ask_token(self, scope=None, **more):
        form = {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": self.client_secret}
        if scope is not None:
            form["scope"] = scope
        return self.http.post(f"{self.stack.url}/oauth/token", data=form | more, timeout=15)

    def token(self, scope=None):
        """One token per set of scopes, asked for once."""
        if scope not in self._tokens:
            answer = self.ask_token(scope)
            assert answer.status_code == 200, answer.text
            self._tokens[scope] = answer.json()["access_token"]
        return self._tokens[scope]

    # --- the API ---

    def call(self, method, path, scope=None, headers=None, **options):
        """`path` below /api/v1; with this editor's token."""
        own = {"Authorization": f"Bearer {self.token(scope)}"} | (headers or {})
        return self.http.request(method, f"{self.stack.url}/api/v1{path}", headers=own, timeout=15, **options)

    def ask_market(self, headers=None, **members):
        """`members` in place of MARKET's; None leaves one out."""
        market = {name: value for name, value in (MARKET | members).items() if value is not None}
        return self.call("POST", "/public_markets", json={"public_market": market}, headers=headers)

    def create_market(self, **members):
        """{"identifier", "configuration_url"}"""
        answer = self.ask_market(**members)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def market(self, identifier):
        answer = self.call("GET", f"/public_markets/{identifier}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def deliveries(self, identifier):
        answer = self.call("GET", f"/public_markets/{identifier}/deliveries")
        assert answer.status_code == 200, answer.text
        return answer.json()["deliveries"]
