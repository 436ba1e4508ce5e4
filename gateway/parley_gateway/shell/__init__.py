"""Waits and never decides: sockets, Postgres, Redis, timers."""
