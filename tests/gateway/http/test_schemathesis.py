"""The running gateway against its own OpenAPI document: whatever is asked, the document shows the answer."""

import itertools
import time
import urllib.error
import urllib.request
from collections import Counter
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from kit.gateway import GatewayProcess
from kit.http_world import path_of
from kit.tenants import add_tenant
from kit.waiting import PATIENCE

pytestmark = pytest.mark.servers

#: Requests of each kind for each operation of the document.
EXAMPLES = 40
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    ignored_auth,
    unsupported_method,
]
#: A stream has no end that one could wait for; billing and the widget's build are not part of this gateway.
ELSEWHERE = ("/v1/pages/{page}/events", "/v1/usage", "/v1/parley.js", "/v1/parley.mjs")

schemathesis.openapi.format(
    "parley-page", st.text(min_size=1, max_size=100).filter(lambda page: "\0" not in page).map(path_of)
)


def test_no_request_makes_it_fail_or_answer_off_the_document(http_servers: tuple[GatewayProcess, str]) -> None:
    gateway, redis_url = http_servers
    tenant = add_tenant(redis_url, "schemathesis")
    numbers = itertools.count()

    def headers() -> dict[str, str]:
        # Another reader for each request, so that the limits of one are not in the way.
        return {"Authorization": f"Bearer {tenant.token(f'reader-{next(numbers)}', scope='admin')}"}

    known = urllib.request.Request(f"{gateway.url}/v1/pages/{path_of('p')}/chats", headers=headers())
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(known, timeout=5).close()
            break
        except urllib.error.HTTPError as refused:
            refused.close()
            assert time.monotonic() < deadline

    schema = schemathesis.openapi.from_url(f"{gateway.url}/v1/openapi.json")
    answered: Counter[int] = Counter()
    started = time.monotonic()
    with requests.Session() as session:
        for result in schema.get_all_operations():
            assert isinstance(result, Ok), result
            operation = result.ok()
            if operation.path in ELSEWHERE:
                continue
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                bare = not operation.definition.raw.get("parameters") and "{" not in operation.path
                if mode is GenerationMode.NEGATIVE and bare:
                    continue  # nothing in it can be wrong

                @given(case=operation.as_strategy(generation_mode=mode))
                @settings(
                    max_examples=EXAMPLES,
                    deadline=None,
                    database=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                def ask(case: "schemathesis.Case[Any]") -> None:
                    response = case.call_and_validate(session=session, headers=headers(), checks=CHECKS)
                    answered[response.status_code] += 1

                ask()
    print(f"{sum(answered.values())} requests in {time.monotonic() - started:.1f} s: {dict(sorted(answered.items()))}")
    assert answered[200] > 30 and answered[400] > 30
