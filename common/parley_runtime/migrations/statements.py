"""Running a script of SQL statements in a migration."""

from alembic import op


def run(*statements: str) -> None:
    """Each statement on its own, without parameter syntax being looked for in it."""
    connection = op.get_bind()
    for statement in statements:
        connection.exec_driver_sql(statement)


def patch_function(name: str, *changes: tuple[str, str]) -> None:
    """Replace parts of a function as it is now, so that two steps that change it do not undo each other.

    Raises `ValueError` unless each (old, new) part stands in it exactly once.
    """
    connection = op.get_bind()
    found = connection.exec_driver_sql(f"SELECT pg_get_functiondef('parley.{name}'::regproc)").scalar_one()
    source = str(found)
    for old, new in changes:
        if source.count(old) != 1:
            raise ValueError(f"{name} holds {source.count(old)} times what is to be changed: {old}")
        source = source.replace(old, new)
    connection.exec_driver_sql(source)
