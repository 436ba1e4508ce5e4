"""Invoices: drafts, numbered ones that never change, the journal that chains them, and the documents that were sent.

- `parley_admin` (the command line) sets sellers and accounts.
- `parley_billing` makes drafts, finalizes, and keeps documents.
- `parley_usage` reads what belongs to one tenant, the one in the transaction-local setting `parley.tenant`.

The row of `invoice_series` is held from the moment a number is given to the commit: numbers have no holes and no
twins, and entries of the journal are in the order in which they committed.
"""

from parley_runtime.migrations.statements import run

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

#: table → privileges of (parley_admin, parley_billing).
_TABLES = {
    "invoice_sellers": ("SELECT, INSERT, UPDATE", "SELECT"),
    "invoice_accounts": ("SELECT, INSERT, UPDATE, DELETE", "SELECT"),
    "invoice_series": ("SELECT", "SELECT, INSERT, UPDATE"),
    "invoices": ("SELECT", "SELECT, INSERT, UPDATE, DELETE"),
    "invoice_journal": ("SELECT", "SELECT, INSERT"),
    "invoice_documents": ("SELECT", "SELECT, INSERT"),
}

_GUARD = """
CREATE FUNCTION parley.invoice_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' OR (TG_OP = 'DELETE' AND OLD.state <> 'draft') THEN
    RAISE EXCEPTION 'a finalized invoice is never removed' USING ERRCODE = 'restrict_violation';
  ELSIF TG_OP = 'DELETE' THEN
    RETURN OLD;
  ELSIF OLD.state = 'draft' THEN
    RETURN NEW;
  ELSIF to_jsonb(NEW) - 'state' <> to_jsonb(OLD) - 'state'
        OR NOT (OLD.state = 'finalized' AND NEW.state IN ('paid', 'void')) THEN
    RAISE EXCEPTION 'a finalized invoice never changes' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    run(
        """CREATE TABLE parley.invoice_sellers (
             name text COLLATE "C" PRIMARY KEY, prefix text COLLATE "C" NOT NULL UNIQUE, body text NOT NULL,
             changed_at timestamptz NOT NULL DEFAULT now())""",
        """CREATE TABLE parley.invoice_accounts (
             tenant text COLLATE "C" PRIMARY KEY, seller text COLLATE "C" NOT NULL REFERENCES parley.invoice_sellers,
             body text NOT NULL, changed_at timestamptz NOT NULL DEFAULT now())""",
        """CREATE TABLE parley.invoice_series (
             seller text COLLATE "C" PRIMARY KEY REFERENCES parley.invoice_sellers,
             number bigint NOT NULL DEFAULT 0, position bigint NOT NULL DEFAULT 0,
             head bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex')) WITH (fillfactor = 50)""",
        """CREATE TABLE parley.invoices (
             id uuid PRIMARY KEY, tenant text COLLATE "C" NOT NULL, seller text COLLATE "C" NOT NULL,
             kind text NOT NULL CHECK (kind IN ('invoice', 'creditNote')),
             state text NOT NULL CHECK (state IN ('draft', 'finalized', 'paid', 'void')),
             period_start date NOT NULL, period_end date NOT NULL CHECK (period_end > period_start),
             currency text NOT NULL, gross bigint NOT NULL, cutoff bigint NOT NULL,
             number bigint, number_text text COLLATE "C", issued date, digest bytea NOT NULL,
             original uuid REFERENCES parley.invoices, body text NOT NULL, basis text NOT NULL,
             created_at timestamptz NOT NULL DEFAULT now(),
             UNIQUE (seller, number), UNIQUE (number_text),
             CHECK ((state = 'draft') = (number IS NULL)), CHECK ((number IS NULL) = (issued IS NULL)),
             CHECK ((number IS NULL) = (number_text IS NULL)),
             CHECK ((kind = 'creditNote') = (original IS NOT NULL)))""",
        "COMMENT ON COLUMN parley.invoices.gross IS 'Minor units of the currency.'",
        "COMMENT ON COLUMN parley.invoices.basis IS 'What it was made from: made again of it, it is the same.'",
        """CREATE UNIQUE INDEX invoices_once ON parley.invoices (tenant, period_start)
           WHERE kind = 'invoice' AND state <> 'void'""",
        "CREATE INDEX invoices_of_tenant ON parley.invoices (tenant, period_end)",
        "CREATE INDEX invoices_of_original ON parley.invoices (original) WHERE original IS NOT NULL",
        """CREATE TABLE parley.invoice_journal (
             seller text COLLATE "C" NOT NULL REFERENCES parley.invoice_series, position bigint NOT NULL,
             what text NOT NULL, invoice uuid NOT NULL REFERENCES parley.invoices, number_text text NOT NULL,
             digest bytea NOT NULL, at bigint NOT NULL, detail text NOT NULL,
             previous bytea NOT NULL, hash bytea NOT NULL,
             PRIMARY KEY (seller, position))""",
        "CREATE INDEX invoice_journal_of_invoice ON parley.invoice_journal (invoice)",
        """CREATE TABLE parley.invoice_documents (
             invoice uuid NOT NULL REFERENCES parley.invoices, format text NOT NULL, digest bytea NOT NULL,
             data bytea NOT NULL, made_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (invoice, format))""",
        "ALTER TABLE parley.invoice_documents ALTER COLUMN data SET STORAGE EXTERNAL",
        _GUARD,
        """CREATE TRIGGER invoice_guard BEFORE UPDATE OR DELETE ON parley.invoices
           FOR EACH ROW EXECUTE FUNCTION parley.invoice_guard()""",
        """CREATE TRIGGER invoice_guard_all BEFORE TRUNCATE ON parley.invoices
           FOR EACH STATEMENT EXECUTE FUNCTION parley.invoice_guard()""",
    )
    for table in ("invoice_journal", "invoice_documents"):
        run(
            f"""CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON parley.{table}
                FOR EACH STATEMENT EXECUTE FUNCTION parley.never_changes()"""
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
    run(
        """CREATE POLICY one_tenant ON parley.invoices FOR SELECT TO parley_usage
           USING (tenant = current_setting('parley.tenant', true) AND state <> 'draft')""",
        """CREATE POLICY one_tenant ON parley.invoice_documents FOR SELECT TO parley_usage USING (EXISTS (
             SELECT FROM parley.invoices i
             WHERE i.id = invoice AND i.state <> 'draft' AND i.tenant = current_setting('parley.tenant', true)))""",
        "GRANT SELECT ON parley.invoices, parley.invoice_documents TO parley_usage",
    )
