"""The usage ledger: sealed records, the sums over them, and how far each run is confirmed.

Roles (cluster-wide, without login):
- `parley_billing` writes the ledger of all tenants.
- `parley_usage` reads the sums of one tenant, the one in the transaction-local setting `parley.tenant`.

Sums are kept by quarter of an hour, because every time zone in use is a whole number of quarters from UTC: a day of
any of them, and any hour, is a sum of rows. Sums by minute are for the ends of a period that begins or ends within a
quarter, and are kept for some weeks: what is before `usage_progress.exact_since` has none.

`batch` numbers the transactions in the order in which they committed (each holds the row of `usage_progress`), so
"everything up to batch N" is the same set for ever.
"""

from parley_runtime.migrations.roles import ensure_roles
from parley_runtime.migrations.statements import run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COMPRESSION = """
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)) THEN
    ALTER TABLE parley.usage_records ALTER COLUMN body SET COMPRESSION lz4;
  END IF;
END $$
"""

#: One row an installation, or rows that mix tenants: for the worker alone.
_INTERNAL = ("usage_progress", "usage_records", "usage_refused", "usage_runs", "usage_series")
#: Sums that belong to one tenant each.
_SUMS = ("usage_minutes", "usage_quarter_hours", "usage_days", "usage_totals")

_COUNTS = """usage_class text COLLATE "C" NOT NULL CHECK (usage_class IN ('publish', 'delivery', 'presence', 'replay')),
             messages bigint NOT NULL CHECK (messages >= 0), bytes bigint NOT NULL CHECK (bytes >= 0),
             batch bigint NOT NULL, stored_at timestamptz NOT NULL DEFAULT now()"""


def upgrade() -> None:
    ensure_roles("parley_billing", "parley_usage")
    run(
        "GRANT USAGE ON SCHEMA parley TO parley_billing, parley_usage",
        """CREATE TABLE parley.usage_progress (
             one boolean PRIMARY KEY DEFAULT true CHECK (one),
             batch bigint NOT NULL DEFAULT 0, as_of bigint NOT NULL DEFAULT 0,
             exact_since bigint NOT NULL DEFAULT 0 CHECK (exact_since % 900000 = 0)) WITH (fillfactor = 50)""",
        """COMMENT ON COLUMN parley.usage_progress.as_of IS
           'ms since the epoch: what gateways had handed over by then is in the ledger.'""",
        """COMMENT ON COLUMN parley.usage_progress.exact_since IS
           'ms since the epoch: usage_minutes has what is from here on, and nothing that counts before it.'""",
        "INSERT INTO parley.usage_progress DEFAULT VALUES",
        """CREATE TABLE parley.usage_records (
             run text COLLATE "C" NOT NULL, number bigint NOT NULL CHECK (number > 0),
             digest bytea NOT NULL, sealed_at bigint NOT NULL, batch bigint NOT NULL,
             stored_at timestamptz NOT NULL DEFAULT now(), refused boolean NOT NULL, body bytea NOT NULL,
             PRIMARY KEY (run, number))""",
        """COMMENT ON COLUMN parley.usage_records.refused IS
           'Its number counts as settled, its lines do not count: usage_refused says why.'""",
        _COMPRESSION,
        """CREATE TABLE parley.usage_refused (
             run text COLLATE "C" NOT NULL, number bigint NOT NULL, digest bytea NOT NULL, why text NOT NULL,
             stored_at timestamptz NOT NULL DEFAULT now(), body bytea NOT NULL,
             PRIMARY KEY (run, number, digest))""",
        """CREATE TABLE parley.usage_runs (
             run text COLLATE "C" PRIMARY KEY, confirmed bigint NOT NULL,
             changed_at timestamptz NOT NULL DEFAULT now()) WITH (fillfactor = 70)""",
        """COMMENT ON COLUMN parley.usage_runs.confirmed IS
           'The highest number such that it and all before it are in usage_records.'""",
        # By time first: all that is written is at one edge of the index, all that is deleted at the other, and a reader
        # looks up at most 28 minutes, each by its name.
        f"""CREATE TABLE parley.usage_minutes (
             start bigint NOT NULL CHECK (start % 60000 = 0), tenant text COLLATE "C" NOT NULL,
             site text COLLATE "C" NOT NULL, {_COUNTS},
             PRIMARY KEY (start, tenant, site, usage_class)) WITH (fillfactor = 70)""",
        f"""CREATE TABLE parley.usage_quarter_hours (
             tenant text COLLATE "C" NOT NULL, start bigint NOT NULL CHECK (start % 900000 = 0),
             site text COLLATE "C" NOT NULL, {_COUNTS},
             PRIMARY KEY (tenant, start, site, usage_class)) WITH (fillfactor = 70)""",
        f"""CREATE TABLE parley.usage_days (
             tenant text COLLATE "C" NOT NULL, start bigint NOT NULL CHECK (start % 86400000 = 0),
             site text COLLATE "C" NOT NULL, {_COUNTS},
             PRIMARY KEY (tenant, start, site, usage_class)) WITH (fillfactor = 70)""",
        f"""CREATE TABLE parley.usage_totals (
             tenant text COLLATE "C" NOT NULL, {_COUNTS},
             PRIMARY KEY (tenant, usage_class)) WITH (fillfactor = 50)""",
        "CREATE INDEX usage_totals_changed ON parley.usage_totals (batch)",
        """CREATE TABLE parley.usage_series (
             tenant text COLLATE "C" PRIMARY KEY, ordinal bigint NOT NULL UNIQUE)""",
        """COMMENT ON TABLE parley.usage_series IS
           'Tenants in the order of their first usage: which of them have a series of their own never changes.'""",
    )
    for table in _INTERNAL + _SUMS:
        run(
            f"ALTER TABLE parley.{table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE parley.{table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY worker ON parley.{table} TO parley_billing USING (true) WITH CHECK (true)",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON parley.{table} TO parley_billing",
        )
    for table in _SUMS:
        run(
            f"""CREATE POLICY one_tenant ON parley.{table} FOR SELECT TO parley_usage
                USING (tenant = current_setting('parley.tenant', true))""",
            f"GRANT SELECT ON parley.{table} TO parley_usage",
        )
    run(
        "CREATE POLICY readers ON parley.usage_progress FOR SELECT TO parley_usage USING (true)",
        "GRANT SELECT ON parley.usage_progress TO parley_usage",
    )
