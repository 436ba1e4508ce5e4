"""Two programs' metrics on one page are one valid exposition."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from parley_runtime.exposition import merge

GATEWAY = """\
# HELP parley_clients Connected clients.
# TYPE parley_clients gauge
parley_clients 3.0
# HELP parley_wait_seconds Waiting.
# TYPE parley_wait_seconds histogram
parley_wait_seconds_bucket{le="0.1"} 1.0
parley_wait_seconds_bucket{le="+Inf"} 2.0
parley_wait_seconds_count 2.0
parley_wait_seconds_sum 0.4
# HELP process_cpu_seconds_total CPU.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.5
"""

BILLING = """\
# HELP parley_pubsub_messages_total Messages.
# TYPE parley_pubsub_messages_total counter
parley_pubsub_messages_total{tenant="acme",class="publish"} 7.0
parley_pubsub_messages_total{tenant="odd \\"}, name",class="delivery"} 8.0
# HELP process_cpu_seconds_total CPU.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 2.5
"""


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"{key} twice"
            found[key] = sample.value
    return found


def test_every_sample_of_both_is_there_once() -> None:
    merged = samples(merge({"gateway": GATEWAY, "billing": BILLING}))
    assert merged[("parley_clients", ())] == 3
    assert merged[("parley_wait_seconds_sum", ())] == 0.4
    assert merged[("parley_pubsub_messages_total", (("class", "publish"), ("tenant", "acme")))] == 7
    assert merged[("parley_pubsub_messages_total", (("class", "delivery"), ("tenant", 'odd "}, name')))] == 8
    assert merged[("process_cpu_seconds_total", ())] == 1.5
    assert merged[("process_cpu_seconds_total", (("process", "billing"),))] == 2.5
    assert len(merged) == len(samples(GATEWAY)) + len(samples(BILLING))


def test_a_familys_head_appears_once_and_its_samples_stand_together() -> None:
    lines = merge({"gateway": GATEWAY, "billing": BILLING}).splitlines()
    heads = [line for line in lines if line.startswith("# TYPE")]
    assert len(heads) == len({line.split()[2] for line in heads}) == 4
    cpu = [number for number, line in enumerate(lines) if "process_cpu" in line]
    assert cpu == list(range(cpu[0], cpu[0] + 4))


@pytest.mark.parametrize("text", ["", "\n\n", "# just a remark\n", "no sample at all\n", "# HELP\n"])
def test_what_is_no_metric_is_left_out(text: str) -> None:
    assert samples(merge({"gateway": GATEWAY, "billing": text})) == samples(GATEWAY)


def test_merging_one_changes_nothing() -> None:
    assert merge({"gateway": GATEWAY}) == GATEWAY
