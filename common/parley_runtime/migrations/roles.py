"""Roles belong to the whole cluster, not to one database, so they may be there already, or come at the same moment."""

from parley_runtime.migrations.statements import run


def ensure_roles(*names: str) -> None:
    """Make roles without login where they are missing, and let whoever migrates act as them."""
    listed = ", ".join(f"'{name}'" for name in names)
    run(
        f"""
        DO $$
        DECLARE wanted text;
        BEGIN
          FOREACH wanted IN ARRAY ARRAY[{listed}] LOOP
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
              BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
              EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another database of this cluster was migrated at the same moment
              END;
            END IF;
            IF NOT pg_has_role(current_user, wanted, 'SET') THEN
              EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
            END IF;
          END LOOP;
        END $$
        """
    )
