"""Plans in versions that never change, and who is on which of them since when.

- `parley_admin` (the command line) publishes plans and agrees subscriptions.
- `parley_billing` reads them all.

A published version can be neither changed nor removed, whoever asks: an invoice says which version it was made by.
A tenant has one subscription after another; within one, a row of `subscription_plans` says which version of which plan
holds from that day on. Days are local to the subscription's time zone.
"""

from parley_runtime.migrations.statements import run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = ("plans", "subscriptions", "subscription_plans")


def upgrade() -> None:
    run(
        """CREATE TABLE parley.plans (
             name text COLLATE "C" NOT NULL, version integer NOT NULL CHECK (version > 0), digest bytea NOT NULL,
             body text NOT NULL, published_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (name, version))""",
        """CREATE FUNCTION parley.never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN RAISE EXCEPTION '% never changes', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$""",
        """CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON parley.plans
           FOR EACH STATEMENT EXECUTE FUNCTION parley.never_changes()""",
        """CREATE TABLE parley.subscriptions (
             tenant text COLLATE "C" NOT NULL, start date NOT NULL, ended date CHECK (ended > start),
             zone text NOT NULL, agreed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (tenant, start))""",
        "COMMENT ON COLUMN parley.subscriptions.ended IS 'The first day after it; null: it goes on.'",
        "CREATE UNIQUE INDEX subscriptions_going_on ON parley.subscriptions (tenant) WHERE ended IS NULL",
        """CREATE TABLE parley.subscription_plans (
             tenant text COLLATE "C" NOT NULL, start date NOT NULL, begin date NOT NULL CHECK (begin >= start),
             plan text COLLATE "C" NOT NULL, version integer NOT NULL, agreed_at timestamptz NOT NULL DEFAULT now(),
             PRIMARY KEY (tenant, start, begin),
             FOREIGN KEY (tenant, start) REFERENCES parley.subscriptions,
             FOREIGN KEY (plan, version) REFERENCES parley.plans)""",
    )
    for table in _TABLES:
        run(
            f"ALTER TABLE parley.{table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE parley.{table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY admin ON parley.{table} TO parley_admin USING (true) WITH CHECK (true)",
            f"CREATE POLICY worker ON parley.{table} FOR SELECT TO parley_billing USING (true)",
            f"GRANT SELECT, INSERT ON parley.{table} TO parley_admin",
            f"GRANT SELECT ON parley.{table} TO parley_billing",
        )
    run(
        "GRANT UPDATE (ended) ON parley.subscriptions TO parley_admin",
        "GRANT UPDATE (plan, version, agreed_at) ON parley.subscription_plans TO parley_admin",
    )
