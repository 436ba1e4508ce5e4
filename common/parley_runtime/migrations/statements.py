"""Running a script of SQL statements in a migration."""

from alembic import op


def run(*statements: str) -> None:
    """Each statement on its own, without parameter syntax being looked for in it."""
    connection = op.get_bind()
    for statement in statements:
        connection.exec_driver_sql(statement)
