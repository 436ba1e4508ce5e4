"""Decides and never waits: no I/O, no event loop, no clock of its own."""
