"""Every metric of Parley: name, kind, labels, meaning. A metric that is not here cannot be emitted."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family. `buckets` are upper bounds, in the unit of the name."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

CONNECTIONS = Metric("parley_gateway_connections", "gauge", "Open connections.", ("transport",))
PAGES = Metric("parley_gateway_pages", "gauge", "Pages with at least one subscriber here.")
OPERATIONS = Metric(
    "parley_gateway_operations_total",
    "counter",
    "Operations by outcome: `ok`, `repeat`, `unchanged`, or the error code.",
    ("op", "outcome"),
)
COMMIT_SECONDS = Metric(
    "parley_gateway_commit_seconds", "histogram", "Duration of one shared transaction.", buckets=_SECONDS
)
COMMIT_OPERATIONS = Metric(
    "parley_gateway_commit_operations",
    "histogram",
    "Operations in one shared transaction.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
DELIVERIES = Metric("parley_gateway_deliveries_total", "counter", "Events written to sockets.")
BUS_ENTRIES = Metric(
    "parley_gateway_bus_entries_total",
    "counter",
    "Bus entries read, by what became of them: `applied`, `known`, `held`, `no-subscriber`, `bad`.",
    ("outcome",),
)
BUS_FAULTS = Metric(
    "parley_gateway_bus_faults_total",
    "counter",
    "Times the bus was seen to have lost something: `trimmed`, `backwards`, `unreachable`.",
    ("kind",),
)
BUS_DROPPED = Metric(
    "parley_gateway_bus_dropped_total",
    "counter",
    "Entries that were not published, so that other gateways learn of them from the database up to a few seconds "
    "later: `outbox-full`, or `not-sent` because Redis did not take them.",
    ("why",),
)
GAPS_FILLED = Metric(
    "parley_gateway_gaps_filled_total",
    "counter",
    "Times a page's missing events were read from the database, by what showed the gap: `hole`, `heads`.",
    ("by",),
)
RESYNCS = Metric("parley_gateway_resyncs_total", "counter", "`resync` frames sent, by reason.", ("why",))
PROBE_AGE = Metric(
    "parley_gateway_probe_age_seconds", "gauge", "Age of the newest own probe that came back through the bus."
)
READY = Metric("parley_gateway_ready", "gauge", "1 when this gateway serves: own probe seen, database answers.")
WORKERS_READY = Metric("parley_gateway_workers_ready", "gauge", "Workers of this gateway that serve.")
WORKER_RESTARTS = Metric(
    "parley_gateway_worker_restarts_total",
    "counter",
    "Workers that ended by themselves and were started again.",
    ("worker",),
)
LOGIN_REFUSED = Metric("parley_gateway_logins_refused_total", "counter", "Refused logins by code.", ("code",))
SHEDDING = Metric(
    "parley_gateway_shedding", "gauge", "1 while new connections are refused because of too much load, else 0."
)
SHED = Metric(
    "parley_gateway_shed_total",
    "counter",
    "Connections refused because of too much load, by what was over its mark: `cpu` or `memory`.",
    ("why",),
)
SPOOL_RECORDS = Metric("parley_gateway_spool_records", "gauge", "Sealed usage records that billing has not confirmed.")
SPOOL_ADOPTED = Metric(
    "parley_gateway_spool_adopted_total", "counter", "Spools of dead runs that this gateway took over."
)
SPOOL_FAULTS = Metric(
    "parley_gateway_spool_faults_total",
    "counter",
    "Failed writes to the spool; the records wait in memory and are written again.",
)
USAGE_UNCOUNTED = Metric(
    "parley_gateway_usage_uncounted_messages_total",
    "counter",
    "Messages not counted because too many sums were open (limit `openSums`).",
)
USAGE_SITES_FOLDED = Metric(
    "parley_gateway_usage_sites_folded_total",
    "counter",
    "Times usage counted under no site because of the limits `sitesPerTenant` and `siteName`.",
)

PUBSUB_MESSAGES = Metric(
    "parley_pubsub_messages_total", "counter", "Messages in the ledger by tenant and class.", ("tenant", "class")
)
PUBSUB_BYTES = Metric(
    "parley_pubsub_bytes_total", "counter", "Bytes in the ledger by tenant and class.", ("tenant", "class")
)
USAGE_RECORDS = Metric(
    "parley_billing_usage_records_total",
    "counter",
    "Usage records by outcome: `new`, `repeat`, `conflict`, `bad`.",
    ("outcome",),
)
LEDGER_AS_OF = Metric(
    "parley_billing_ledger_as_of_seconds", "gauge", "Unix time of the newest sealed record in the ledger."
)
LEDGER_COMMIT_SECONDS = Metric(
    "parley_billing_commit_seconds", "histogram", "Duration of one ledger transaction.", buckets=_SECONDS
)
RECONCILIATION_UNEQUAL = Metric(
    "parley_billing_reconciliation_unequal",
    "gauge",
    "Sums of the ledger, and kept records, that were not what the records say, at the last reconciliation by this "
    "process. One process of all reconciles; the others do not have this.",
)
RECONCILED = Metric(
    "parley_billing_reconciled_seconds",
    "gauge",
    "Unix time at which this process last reconciled the ledger to its end.",
)
_BUDGET = ("tenant", "subject")
BUDGET_USED = Metric(
    "parley_billing_budget_used",
    "gauge",
    "What a tenant used in its billing period, as of the ledger: messages, bytes, or minor units of its currency. One "
    "process of all follows budgets; the others do not have this.",
    _BUDGET,
)
BUDGET_AMOUNT = Metric(
    "parley_billing_budget_amount", "gauge", "What the budget allows in the period, in the same unit.", _BUDGET
)
BUDGET_PERIOD_START = Metric(
    "parley_billing_budget_period_start_seconds", "gauge", "Unix time at which the billing period began.", _BUDGET
)
BUDGET_PERIOD_END = Metric(
    "parley_billing_budget_period_end_seconds", "gauge", "Unix time at which the billing period ends.", _BUDGET
)
WEBHOOK_ATTEMPTS = Metric(
    "parley_billing_webhook_attempts_total",
    "counter",
    "Attempts to tell a tenant's server something, by what came of it: `delivered`, `waiting` (it is tried again), "
    "`dead` (it was the last one).",
    ("outcome",),
)
WEBHOOK_WAITING = Metric(
    "parley_billing_webhook_waiting", "gauge", "Webhooks that are not delivered yet, of all processes together."
)
WEBHOOK_OLDEST = Metric(
    "parley_billing_webhook_oldest_seconds", "gauge", "Age of the oldest of them; 0 when there is none."
)
BILLING_READY = Metric("parley_billing_ready", "gauge", "1 when Redis and the database answer.")

ALL: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
