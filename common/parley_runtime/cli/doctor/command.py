"""``parley doctor`` itself: run every check, show what was found."""

import asyncio

import click
import msgspec

from parley_runtime.cli.doctor.bus import check_redis
from parley_runtime.cli.doctor.database import check_postgres
from parley_runtime.cli.doctor.finding import Finding, Level
from parley_runtime.cli.doctor.local import check_ports, check_python, check_spool, check_widget
from parley_runtime.settings import SettingsError, load

MARKS = {Level.OK: "ok      ", Level.WARNING: "warning ", Level.PROBLEM: "PROBLEM "}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object: `ok` and the `findings`.")
def doctor(as_json: bool) -> None:
    """Look at this set-up and say what is wrong with it and what to do. Exit status 1 when something is broken."""
    findings = asyncio.run(examine())
    broken = any(finding.level is Level.PROBLEM for finding in findings)
    if as_json:
        click.echo(msgspec.json.encode({"ok": not broken, "findings": findings}))
    else:
        for finding in findings:
            click.echo(f"{MARKS[finding.level]}{finding.subject}: {finding.message}")
            if finding.help:
                click.echo(f"        → {finding.help}")
        warnings = sum(finding.level is Level.WARNING for finding in findings)
        problems = sum(finding.level is Level.PROBLEM for finding in findings)
        click.echo(f"{problems} problems, {warnings} warnings")
    raise SystemExit(int(broken))


async def examine() -> list[Finding]:
    """All findings, in the order in which one would mend them."""
    findings = [check_python()]
    try:
        settings = load()
    except SettingsError as error:
        # Nothing else can be looked at without knowing where.
        return [*findings, Finding.problem("Settings", str(error), "Correct them and ask again.")]
    findings.append(Finding.ok("Settings", f"{len(settings.model_fields_set)} set, the others at their defaults"))
    findings += [finding async for finding in check_redis(settings)]
    findings += [finding async for finding in check_postgres(settings)]
    return [*findings, *check_ports(settings), check_spool(settings), check_widget()]
