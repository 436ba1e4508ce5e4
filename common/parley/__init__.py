"""Parley's vocabulary: the words every room shares. Pure: nothing here waits, reads or writes."""

__version__ = "0.1.0"
