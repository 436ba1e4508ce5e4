"""`python -m kit.fuzz_run TARGET [--seconds N] [--seed N] [--keep]`: one target, in a process of its own."""

import secrets
from pathlib import Path

import click

from kit.fuzz_targets import TARGETS
from kit.fuzzing import Fuzzer, read_corpus, write_corpus

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"


@click.command()
@click.argument("target", type=click.Choice(list(TARGETS)))
@click.option("--seconds", type=float, default=60.0, show_default=True)
@click.option("--seed", type=int, help="That of a run that found something. Default: a new one.")
@click.option("--keep", is_flag=True, help="Write the corpus anew, with what reached new lines, as small as possible.")
def main(target: str, seconds: float, seed: int | None, keep: bool) -> None:
    """Exit status 1 and the input at a finding."""
    seed = secrets.randbits(32) if seed is None else seed
    path = CORPUS / f"{target}.txt"
    corpus = read_corpus(path)
    fuzzer = Fuzzer(TARGETS[target], corpus, seed)
    report = fuzzer.fuzz(seconds)
    click.echo(
        f"{target}: seed {seed}, {report.executions} inputs, {len(report.edges)} edges, "
        f"{len(report.kept) - len(corpus)} new in the corpus"
    )
    if report.finding is not None:
        click.echo(f"FOUND with {report.finding.data!r}:\n{report.finding.text}")
        raise SystemExit(1)
    if keep:
        write_corpus(path, fuzzer.minimal())


if __name__ == "__main__":
    main()
