"""The command line: ``parley``."""

from parley_runtime.cli.main import main

__all__ = ["main"]
