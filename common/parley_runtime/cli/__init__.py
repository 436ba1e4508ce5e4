"""The command line: ``parley``."""

from parley_runtime.cli.commands import main

__all__ = ["main"]
