"""
Requests that Hypothesis makes up from the OpenAPI document, good ones and spoilt ones: no answer is one that the document
does not describe, and none says that we failed. The seed is in the report of a failure; VR_TEST_EXAMPLES makes more.
"""

import os

import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from support.contract import Contract
from support.editor import Editor
from support.stack import ROOT

EXAMPLES = int(os.environ.get("VR_TEST_EXAMPLES", "60"))
DOCUMENT = yaml.safe_load((ROOT / "proto/openapi/openapi.yaml").read_text())
OPERATIONS = [one.ok() for one in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()]


@pytest.fixture(scope="module")
def contract(stack):
    return Contract.of(stack)


def test_every_operation_is_asked():
    assert len(OPERATIONS) == sum(1 for _ in Contract(DOCUMENT).operations())


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "spoilt"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.definition.raw["operationId"])
def test_every_answer_is_described(stack, contract, operation, mode):
    if mode is GenerationMode.NEGATIVE and not operation.definition.raw.get("parameters") and not operation.body:
        pytest.skip("nothing to spoil")
    editor, http, statuses = Editor(stack), requests.Session(), set()
    bearer = {"Authorization": f"Bearer {editor.token()}"} if operation.path.startswith("/api/") else {}
    identifier = editor.create_market()["identifier"]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True)
    def ask(case):
        if mode is GenerationMode.POSITIVE:
            complete(case, editor, identifier)
        wanted = case.as_transport_kwargs(base_url=stack.url)
        wanted["headers"] = dict(wanted["headers"]) | bearer
        answer = contract.hold(http.request(**wanted, timeout=15, allow_redirects=False))
        assert answer.status_code < 500, answer.text
        statuses.add(answer.status_code)

    ask()

    if mode is GenerationMode.POSITIVE:
        assert statuses & {200, 201, WELL_REFUSED.get(operation.definition.raw["operationId"])}, statuses
    else:
        assert statuses - {401, 403, 429}, statuses


# There is no failed notification to retry: 409 says that it was understood.
WELL_REFUSED = {"retrySync": 409}


def complete(case, editor, identifier):
    """What a document can't say: the names of what is there."""
    if "identifier" in (case.path_parameters or {}):
        case.path_parameters["identifier"] = identifier
    if case.path.startswith("/oauth/"):
        case.body |= {"client_id": editor.client_id, "client_secret": editor.client_secret}
