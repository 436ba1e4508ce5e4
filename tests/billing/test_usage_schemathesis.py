"""The running billing process against the OpenAPI document: whatever is asked, the document shows the answer."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from kit.billing_process import BillingProcess
from kit.tenants import KitTenant, add_tenant
from parley_gateway.core import openapi

pytestmark = pytest.mark.servers

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    ignored_auth,
    unsupported_method,
]
#: Requests of each kind.
EXAMPLES = 60
#: The year 2100, in ms since the epoch.
FUTURE = 4_102_444_800_000


@pytest.fixture
def asked(tmp_path: Path, redis_url: str, database_url: str) -> Any:
    tenant = add_tenant(redis_url, "acme")
    add_tenant(redis_url, "globex")
    process = BillingProcess(tmp_path, redis_url, database_url)
    process.start()
    process.wait_ready()
    yield process.url, tenant
    process.kill()


def test_no_request_makes_it_fail_or_answer_off_the_document(asked: tuple[str, KitTenant]) -> None:
    url, tenant = asked
    schema = schemathesis.openapi.from_dict(openapi.document())
    schema.config.update(base_url=url)
    headers = {"Authorization": f"Bearer {tenant.token(scope='usage:read')}"}
    answered: Counter[int] = Counter()
    operation = schema["/v1/usage"]["GET"]
    with requests.Session() as session:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def ask(case: "schemathesis.Case[Any]") -> None:
                response = case.call_and_validate(session=session, headers=headers, checks=CHECKS)
                answered[response.status_code] += 1

            ask()
    assert answered[400] > 10


def test_bad_input_is_answered_with_what_to_do(asked: tuple[str, KitTenant]) -> None:
    url, tenant = asked
    now = int(time.time() * 1000)
    mine = tenant.token(scope="usage:read")
    cases: list[tuple[str, dict[str, str], int, str]] = [
        (mine, {"from": str(FUTURE), "to": str(FUTURE + 1)}, 400, "bad-field"),
        (mine, {"from": str(now), "to": str(now - 1)}, 400, "bad-field"),
        (mine, {"from": str(2**63)}, 400, "bad-field"),
        (mine, {"from": "NaN"}, 400, "bad-field"),
        (mine, {"to": "-1"}, 400, "bad-field"),
        (mine, {"by": "galaxy"}, 400, "bad-field"),
        (mine, {"tenant": "globex"}, 403, "forbidden"),
        (mine, {"tenant": "acme"}, 200, ""),
        (tenant.token(scope="usage:read", tenant="nobody"), {}, 401, "token-invalid"),
        (tenant.token(scope="usage:read", tenant="globex"), {}, 401, "token-invalid"),
        (tenant.token(), {}, 403, "forbidden"),
    ]
    for token, query, status, code in cases:
        answer = requests.get(f"{url}/v1/usage", params=query, headers={"Authorization": f"Bearer {token}"}, timeout=10)
        assert answer.status_code == status, (query, answer.text)
        if code:
            assert answer.headers["Content-Type"] == "application/problem+json"
            said = answer.json()
            assert said["code"] == code and said["message"] and said["help"]
