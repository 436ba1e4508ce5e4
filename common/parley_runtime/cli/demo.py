"""``parley demo``: everything on this machine."""

from pathlib import Path

import click

from parley_runtime.demo.directory import default_directory
from parley_runtime.demo.options import Options
from parley_runtime.embedded.problem import SetupProblem


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    envvar="PORT",
    default=8080,
    show_default=True,
    help="Where to listen on 127.0.0.1; another is taken when it is busy. [env: PORT]",
)
@click.option("--data", type=click.Path(path_type=Path), help="Data directory. [default: .parley of the checkout]")
@click.option("--fresh", is_flag=True, help="Begin without the data of earlier starts.")
def demo(port: int, data: Path | None, fresh: bool) -> None:
    """Run gateway, billing, Redis and Postgres here, with an article to discuss. Ctrl-C ends it.

    With PARLEY_REDIS_URL or PARLEY_DATABASE_URL your own server is used instead of an embedded one.
    """
    from parley_runtime.demo.run import run_demo

    try:
        run_demo(Options(port, (data or default_directory()).absolute(), fresh))
    except SetupProblem as problem:
        raise click.ClickException(str(problem)) from problem
