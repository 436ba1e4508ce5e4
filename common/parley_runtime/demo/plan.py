"""Which program gets which port and which settings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from parley_runtime.demo.stores import Stores
from parley_runtime.embedded import free_port
from parley_runtime.embedded.ports import LOOPBACK

# The demo's ctrl-C promises 3 s, so draining may not use the production default. Seconds.
DRAIN_SECONDS = "0"


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything listens on the loopback interface; only `public` is announced."""

    public: int
    gateway_metrics: int
    billing_metrics: int
    billing: int

    @classmethod
    def choose(cls, public: int) -> "Ports":
        """Free ones for all but the public port."""
        return cls(public, free_port(), free_port(), free_port())

    @property
    def metrics_urls(self) -> dict[str, str]:
        """Where each program's metrics are, by program name."""
        return {
            "gateway": f"http://{LOOPBACK}:{self.gateway_metrics}/metrics",
            "billing": f"http://{LOOPBACK}:{self.billing_metrics}/metrics",
        }

    @property
    def ready_urls(self) -> dict[str, str]:
        """Where each program says whether it is ready; the gateway's on the port that the user will use."""
        return {
            "gateway": f"http://{LOOPBACK}:{self.public}/healthz/ready",
            "billing": f"http://{LOOPBACK}:{self.billing_metrics}/healthz/ready",
        }


def environment(inherited: Mapping[str, str], stores: Stores, directory: Path, ports: Ports) -> dict[str, str]:
    """What both programs get. What the user has set stays, except what the demo has to decide itself."""
    return {
        "PARLEY_DRAIN_SECONDS": DRAIN_SECONDS,
        **inherited,
        "PYTHONUNBUFFERED": "1",
        "PARLEY_REDIS_URL": stores.redis_url,
        "PARLEY_DATABASE_URL": stores.database_url,
        "PARLEY_SPOOL_DIRECTORY": str(directory / "spool"),
        "PARLEY_BILLING_LISTEN": f"{LOOPBACK}:{ports.billing}",
    }


def gateway_environment(common: Mapping[str, str], ports: Ports, site_port: int, listen_fd: int) -> dict[str, str]:
    """The gateway is the front: the listening socket is its own, other paths go on to billing and the site."""
    site, billing = f"http://{LOOPBACK}:{site_port}", f"http://{LOOPBACK}:{ports.billing}"
    return {
        **common,
        "PARLEY_LISTEN": f"{LOOPBACK}:{ports.public}",
        "PARLEY_LISTEN_FD": str(listen_fd),
        "PARLEY_METRICS_LISTEN": f"{LOOPBACK}:{ports.gateway_metrics}",
        "PARLEY_FORWARD": json.dumps({"/v1/usage": billing, "/demo/": site, "/metrics": site, "/": site}),
    }


def billing_environment(common: Mapping[str, str], ports: Ports) -> dict[str, str]:
    """Billing's own ports."""
    return {**common, "PARLEY_METRICS_LISTEN": f"{LOOPBACK}:{ports.billing_metrics}"}
