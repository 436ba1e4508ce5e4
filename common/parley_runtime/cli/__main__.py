"""``python -m parley_runtime.cli``: the command line where the distribution is not installed."""

from parley_runtime.cli.commands import main

if __name__ == "__main__":
    main(prog_name="parley")
