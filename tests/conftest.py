"""What every test can ask for. The fixtures live in tests/kit, one file per subject."""

pytest_plugins = ["kit.servers", "kit.gateway", "kit.installation", "kit.redis_kinds"]
