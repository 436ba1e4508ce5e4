"""What every test can ask for. The fixtures live in tests/kit, one file per subject."""

from hypothesis import settings

pytest_plugins = ["kit.servers", "kit.gateway", "kit.installation", "kit.redis_kinds"]

# How long an example takes says how busy the machine is.
settings.register_profile("parley", deadline=None)
settings.load_profile("parley")
