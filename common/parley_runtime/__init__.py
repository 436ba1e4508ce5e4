"""What any of Parley's processes needs to run: settings, Redis, Postgres, telemetry, lifecycle, command line."""
