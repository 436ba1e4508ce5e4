"""The administrators' log: who changed what of which tenant, when. It grows, and nothing else.

- `parley_admin` (the command line) adds entries of any tenant, and reads them.
- `parley_gateway` (admin calls over HTTP) adds entries of the one tenant in the transaction-local setting
  `parley.tenant`, and reads none.

Nobody may change or remove one; row-level security is forced and has no policy for it, so that also the tables' owner
changes nothing by accident. `id` and `at` are the database's own: whoever adds an entry cannot choose them.
"""

from parley_runtime.migrations.roles import ensure_roles
from parley_runtime.migrations.statements import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ensure_roles("parley_admin")
    run(
        "GRANT USAGE ON SCHEMA parley TO parley_admin",
        """CREATE TABLE parley.admin_log (
             id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(),
             actor text NOT NULL, action text NOT NULL, tenant text COLLATE "C" NOT NULL, detail jsonb NOT NULL)""",
        "CREATE INDEX admin_log_of_tenant ON parley.admin_log (tenant, id)",
        "ALTER TABLE parley.admin_log ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE parley.admin_log FORCE ROW LEVEL SECURITY",
        "CREATE POLICY admin_adds ON parley.admin_log FOR INSERT TO parley_admin WITH CHECK (true)",
        "CREATE POLICY admin_reads ON parley.admin_log FOR SELECT TO parley_admin USING (true)",
        """CREATE POLICY gateway_adds ON parley.admin_log FOR INSERT TO parley_gateway
           WITH CHECK (tenant = current_setting('parley.tenant', true))""",
        "GRANT INSERT (actor, action, tenant, detail) ON parley.admin_log TO parley_admin, parley_gateway",
        "GRANT SELECT ON parley.admin_log TO parley_admin",
    )
