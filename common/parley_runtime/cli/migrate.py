"""``parley migrate``: bring the database's schema to the newest version."""

import asyncio

import asyncpg
import click
from sqlalchemy.exc import SQLAlchemyError

from parley_runtime import settings
from parley_runtime.database import migrate as migrate_database


@click.command()
def migrate() -> None:
    """Bring the database that PARLEY_DATABASE_URL names to the newest schema. Forward only; harmless when repeated."""
    try:
        asyncio.run(migrate_database(settings.load().database_url.get_secret_value()))
    except settings.SettingsError as error:
        raise click.ClickException(str(error)) from error
    except (OSError, TimeoutError, asyncpg.PostgresError, SQLAlchemyError) as error:
        # Only its kind: the text may quote the address with its password.
        raise click.ClickException(
            f"The database could not be migrated ({type(error).__name__}). `parley doctor` says what is wrong with it."
        ) from error
    click.echo("The schema is up to date.")
