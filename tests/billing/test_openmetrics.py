"""`/metrics` of real processes, as Prometheus asks for it: valid in both of its formats, with the same values."""

import urllib.request
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from kit.billing_process import BillingProcess
from kit.gateway import MakeGateway
from kit.usage import NOON
from parley.usage import USAGE_CLASSES
from parley_billing.core.budget import Budget
from parley_billing.core.budget_exposition import BudgetExposition
from parley_billing.core.budget_look import Standing
from parley_billing.core.exposition import Exposition
from parley_runtime.exposition import OPENMETRICS, openmetrics

#: What prometheus itself sends.
ACCEPT = (
    f"{OPENMETRICS};version=1.0.0;q=0.75,{OPENMETRICS};version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.25,*/*;q=0.1"
)


def ask(url: str, accept: str) -> tuple[str, str]:
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


@pytest.mark.servers
def test_processes_speak_openmetrics(
    tmp_path: Path, redis_url: str, database_url: str, make_gateway: MakeGateway
) -> None:
    billing = BillingProcess(tmp_path, redis_url, database_url)
    billing.start()
    try:
        billing.wait_ready()
        for url in (f"{billing.metrics_url}/metrics", make_gateway(redis_url, database_url).metrics_url):
            kind, text = ask(url, ACCEPT)
            assert kind.startswith(OPENMETRICS)
            families = {family.name: family for family in parse_openmetrics(text)}  # type: ignore[no-untyped-call]
            assert len(families) >= 9
            kind, text = ask(url, "*/*")
            assert kind.startswith("text/plain; version=0.0.4")
            plain = {family.name: family.type for family in parse_text(text) if not family.name.endswith("_created")}
            assert {name: family.type for name, family in families.items()} == plain
    finally:
        billing.kill()


def test_the_ledgers_text_is_valid_openmetrics_for_odd_names_too() -> None:
    exposition, budgets = Exposition(), BudgetExposition()
    for number, tenant in enumerate(['a"b\\c\nd', "acme", "größe"], 1):
        for usage_class in USAGE_CLASSES:
            exposition.put(tenant, number, usage_class, number, 2**60)
        budgets.put(tenant, [Standing(Budget(tenant, "cost", 5, "notify", "EUR"), 4, NOON, NOON + 1_000)])
    text = openmetrics(exposition.text() + budgets.text()).decode()
    made = list(parse_openmetrics(text))  # type: ignore[no-untyped-call]
    assert [(family.name, family.type, len(family.samples)) for family in made] == [
        ("parley_pubsub_messages", "counter", 12),
        ("parley_pubsub_bytes", "counter", 12),
        ("parley_billing_budget_used", "gauge", 3),
        ("parley_billing_budget_amount", "gauge", 3),
        ("parley_billing_budget_period_start_seconds", "gauge", 3),
        ("parley_billing_budget_period_end_seconds", "gauge", 3),
    ]
    assert {sample.labels["tenant"] for sample in made[0].samples} == {'a"b\\c\nd', "acme", "größe"}
