"""How long the property tests look: quickly by default, long in the nightly run."""

from hypothesis import HealthCheck, settings

_COMMON = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
#: Seconds, not minutes: part of every run.
SHORT = settings(_COMMON, max_examples=100)
#: Worlds of several gateways: few examples with many steps.
WORLD = settings(_COMMON, max_examples=400, stateful_step_count=60)
#: The nightly run.
LONG_WORLD = settings(_COMMON, max_examples=3_000, stateful_step_count=100)
