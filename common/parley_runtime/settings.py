"""Every setting of every process, once. Environment first, then the file that `PARLEY_SETTINGS_FILE` names.

`docs/settings.md` is generated from here.
"""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, IPvAnyNetwork, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


class SettingsError(Exception):
    """The settings cannot be used. The text lists each fault, and never a value."""


class Settings(BaseSettings):
    """Read by `load`. Each field's description carries its unit; urls may carry credentials and print as stars."""

    model_config = SettingsConfigDict(env_prefix="PARLEY_", extra="forbid", frozen=True)

    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        description="Redis or Valkey. `redis://`, `rediss://` (TLS), `redis+sentinel://host:port,host:port/service`, "
        "`redis+cluster://host:port,host:port` (`rediss+…` for TLS).",
    )
    redis_prefix: str = Field("parley", description="First part of every key, so that installations can share a Redis.")
    database_url: SecretStr = Field(
        SecretStr("postgresql://127.0.0.1:5432/parley"),
        description="Postgres ≥ 16. The user must own the schema or be a member of Parley's roles.",
    )
    database_pool: int = Field(8, ge=2, le=100, description="Connections to Postgres per process.")
    listen: str = Field("127.0.0.1:8080", description="host:port for the public side of a gateway.")
    listen_fd: int | None = Field(None, description="An inherited listening socket, instead of `listen`.")
    workers: int = Field(
        1,
        ge=1,
        le=256,
        description="Processes that share a gateway's port, one for each core. Each has `database_pool`.",
    )
    trusted_proxies: list[IPvAnyNetwork] = Field(
        default_factory=list,
        description="JSON list of networks (CIDR) whose machines are proxies of yours: only from them a header that "
        "names the client is believed.",
    )
    forwarded_header: Literal["X-Forwarded-For", "Forwarded"] = Field(
        "X-Forwarded-For", description="The header in which your proxies name the client. The other one is ignored."
    )
    connections_per_address: int = Field(
        50,
        ge=0,
        description="New WebSockets and event streams per second of one client address (IPv6: one /64), ten seconds' "
        "worth at once; as many logins over HTTP may fail. 0: no bound. An address that is not public is bound "
        "only behind a trusted proxy.",
    )
    jwks_private_hosts: list[str] = Field(
        default_factory=list,
        description="JSON list of host names from which tenants' keys are fetched although they stand for addresses "
        "that are not public, like an identity provider in the same cluster.",
    )
    webhook_private_hosts: list[str] = Field(
        default_factory=list,
        description="JSON list of host names to which webhooks are sent although they stand for addresses that are not "
        "public, like a service in the same cluster.",
    )
    metrics_listen: str = Field("127.0.0.1:9464", description="host:port for /metrics and health of this process.")
    billing_listen: str = Field("127.0.0.1:8081", description="host:port for billing's HTTP side.")
    spool_directory: Path = Field(
        Path("spool"), description="Where a gateway keeps sealed usage records until billing has confirmed them."
    )
    forward: dict[str, str] = Field(
        default_factory=dict,
        description="JSON object, path prefix → http://host:port: plain HTTP that the gateway passes on, for "
        "installations without an ingress.",
    )
    allow_no_origin: bool = Field(True, description="Whether clients without an Origin header (servers) are served.")
    flush_window_ms: int = Field(100, ge=0, le=1_000, description="Longest time that a busy page collects changes, ms.")
    io_uring: bool = Field(
        True,
        description="Whether broadcasts are sent by io_uring where the kernel allows it: a fifth less CPU for a page "
        "with many readers. Without it there is one system call for each reader.",
    )
    heads_interval_ms: int = Field(
        2_000, ge=200, le=60_000, description="How often subscribed pages are compared with the database, ms."
    )
    presence_lease_ms: int = Field(
        10_000, ge=2_000, le=60_000, description="After this silence of a gateway its readers no longer count, ms."
    )
    presence_grace_ms: int = Field(
        3_000, ge=0, le=60_000, description="How long a reader who left still counts, ms: covers a reload."
    )
    seal_interval_ms: int = Field(500, ge=50, le=1_000, description="How often usage is sealed into a record, ms.")
    shed_cpu_percent: int = Field(
        90,
        ge=0,
        le=100,
        description="Above this share of a core (or of the cgroup's quota, if that is less), averaged over seconds, "
        "new connections are refused with 503, so that those there are served in time, %. 0: never.",
    )
    shed_memory_percent: int = Field(
        85,
        ge=0,
        le=100,
        description="Above this share of the memory limit new connections are refused with 503: each costs some "
        "20 KB, and a process over its limit is killed with all of them, %. 0: never.",
    )
    memory_limit_mb: int = Field(
        0,
        ge=0,
        description="Memory that one gateway process may hold, MiB. 0: what its cgroup (container) allows, or what "
        "the machine has.",
    )
    drain_seconds: int = Field(20, ge=0, le=600, description="How long a stopping gateway may take, s.")
    tracing_url: str | None = Field(
        None,
        description="Where traces go: an OpenTelemetry collector's OTLP over HTTP, like "
        "`http://127.0.0.1:4318/v1/traces`. Needs `parley[tracing]`. Without it nothing is traced.",
    )
    tracing_share: float = Field(
        0.01, ge=0, le=1, description="Share of traces that are taken, chosen by trace id; 1: all of them."
    )
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least level that is logged.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        sources: list[PydanticBaseSettingsSource] = [init_settings, env_settings]
        if file := os.environ.get("PARLEY_SETTINGS_FILE"):
            sources.append(TomlConfigSettingsSource(settings_cls, toml_file=Path(file)))
        return tuple(sources)


def load(**overrides: Any) -> Settings:
    """The settings, or `SettingsError` with all faults at once."""
    try:
        return Settings(**overrides)
    except ValidationError as problem:
        faults = "; ".join(
            f"PARLEY_{'_'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in problem.errors(include_input=False, include_url=False)
        )
        raise SettingsError(
            f"These settings cannot be used: {faults}. They are described in docs/settings.md."
        ) from None
