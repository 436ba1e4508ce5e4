"""Budgets and where they stand; webhooks: who is told, what, and how far each delivery is.

- `parley_admin` (the command line) sets budgets and endpoints, and replays deliveries.
- `parley_billing` follows the budgets, and sends.
- `parley_usage` reads what belongs to one tenant, the one in the transaction-local setting `parley.tenant`, and plans.

`budget_progress.changed` numbers the changes of budgets in the order in which they committed (each holds its row), so
"what changed after N" misses none.

A message and its deliveries are written in the transaction of what they tell: they are there exactly when it happened.
"""

from parley_runtime.migrations.statements import run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SUBJECT = """subject text COLLATE "C" NOT NULL CHECK (subject IN ('pubSubMessageCount', 'pubSubBandwidth', 'cost'))"""
_ACTION = "action text NOT NULL CHECK (action IN ('notify', 'throttle', 'refuse'))"

#: table → privileges of (parley_admin, parley_billing); "" for none.
_TABLES = {
    "budget_progress": ("SELECT, UPDATE", "SELECT"),
    "budgets": ("SELECT, INSERT, UPDATE, DELETE", "SELECT"),
    "budget_states": ("SELECT", "SELECT, INSERT, UPDATE, DELETE"),
    "webhook_endpoints": ("SELECT, INSERT, UPDATE, DELETE", "SELECT, UPDATE"),
    "webhook_messages": ("SELECT, INSERT", "SELECT, INSERT, DELETE"),
    "webhook_deliveries": ("SELECT, INSERT, UPDATE", "SELECT, INSERT, UPDATE, DELETE"),
}
_OF_A_TENANT = ("subscriptions", "subscription_plans", "budgets", "budget_states")


def upgrade() -> None:
    run(
        """CREATE TABLE parley.budget_progress (
             one boolean PRIMARY KEY DEFAULT true CHECK (one), changed bigint NOT NULL DEFAULT 0)""",
        "INSERT INTO parley.budget_progress DEFAULT VALUES",
        f"""CREATE TABLE parley.budgets (
             tenant text COLLATE "C" NOT NULL, {_SUBJECT}, amount bigint NOT NULL CHECK (amount >= 0),
             currency text, {_ACTION}, changed bigint NOT NULL,
             PRIMARY KEY (tenant, subject), CHECK ((subject = 'cost') = (currency IS NOT NULL)))""",
        "COMMENT ON COLUMN parley.budgets.amount IS 'For a period: messages, bytes, or minor units of the currency.'",
        "CREATE INDEX budgets_changed ON parley.budgets (changed)",
        f"""CREATE TABLE parley.budget_states (
             tenant text COLLATE "C" NOT NULL, {_SUBJECT}, amount bigint NOT NULL, {_ACTION},
             period_start bigint NOT NULL, level smallint NOT NULL, told smallint NOT NULL,
             changed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (tenant, subject)) WITH (fillfactor = 70)""",
        """CREATE TABLE parley.webhook_endpoints (
             id text COLLATE "C" PRIMARY KEY, tenant text COLLATE "C" NOT NULL, url text NOT NULL, types text[],
             secret bytea NOT NULL, old_secret bytea, old_until timestamptz,
             disabled text, created_at timestamptz NOT NULL DEFAULT now())""",
        "COMMENT ON COLUMN parley.webhook_endpoints.types IS 'What it is told of; null: everything.'",
        "COMMENT ON COLUMN parley.webhook_endpoints.disabled IS 'Why it is told nothing any more; null: it is.'",
        "CREATE INDEX webhook_endpoints_of_tenant ON parley.webhook_endpoints (tenant)",
        """CREATE TABLE parley.webhook_messages (
             id text COLLATE "C" PRIMARY KEY, tenant text COLLATE "C" NOT NULL, type text NOT NULL, body text NOT NULL,
             created_at timestamptz NOT NULL DEFAULT now())""",
        """CREATE TABLE parley.webhook_deliveries (
             message text COLLATE "C" NOT NULL REFERENCES parley.webhook_messages ON DELETE CASCADE,
             endpoint text COLLATE "C" NOT NULL REFERENCES parley.webhook_endpoints ON DELETE CASCADE,
             state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
             attempt integer NOT NULL DEFAULT 0, next_at timestamptz NOT NULL DEFAULT now(), outcome text,
             PRIMARY KEY (message, endpoint)) WITH (fillfactor = 70)""",
        """CREATE INDEX webhook_deliveries_waiting ON parley.webhook_deliveries (endpoint, next_at)
           WHERE state = 'waiting'""",
    )
    for table, (admin, worker) in _TABLES.items():
        run(
            f"ALTER TABLE parley.{table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE parley.{table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY admin ON parley.{table} TO parley_admin USING (true) WITH CHECK (true)",
            f"CREATE POLICY worker ON parley.{table} TO parley_billing USING (true) WITH CHECK (true)",
            f"GRANT {admin} ON parley.{table} TO parley_admin",
            f"GRANT {worker} ON parley.{table} TO parley_billing",
        )
    for table in _OF_A_TENANT:
        run(
            f"""CREATE POLICY one_tenant ON parley.{table} FOR SELECT TO parley_usage
                USING (tenant = current_setting('parley.tenant', true))""",
            f"GRANT SELECT ON parley.{table} TO parley_usage",
        )
    run(
        "CREATE POLICY readers ON parley.plans FOR SELECT TO parley_usage USING (true)",
        "GRANT SELECT ON parley.plans TO parley_usage",
    )
