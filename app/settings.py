"""Every setting, read from `KPI_*` variables and `.env` here and nowhere else."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from .bind import Bind, parse_bind
from .origins import parse_hosts, parse_origins, split
from .setting_types import (
    Duration,
    PathPrefix,
    lower,
    network,
    require_safe_url,
    require_zone,
    zone_rules,
)


class Settings(BaseSettings):
    """The settings of one process; each field's description is its documentation."""

    model_config = SettingsConfigDict(
        env_prefix="KPI_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL or TimescaleDB; empty: the embedded PostgreSQL",
        examples=["postgresql://user:password@host/database"],
    )
    read_database_url: SecretStr | None = Field(
        None,
        description="A read replica for snapshots and catch-up; empty: KPI_DATABASE_URL",
        examples=["postgresql://user:password@replica/database"],
    )
    database_pool: int = Field(
        4, ge=1, le=100, description="Connections that a process keeps to its database"
    )
    data_dir: Path = Field(Path("data"), description="Where the embedded PostgreSQL keeps its data")
    bind: str = Field(
        "127.0.0.1:8000",
        description="Address and port to listen on; also [::1]:8000, :8000 for every address,"
        " unix:/path",
    )
    admin_bind: str | None = Field(
        None,
        description="Address and port of their own for /metrics and /readyz, such as"
        " 127.0.0.1:9000; empty: on KPI_BIND",
        examples=["127.0.0.1:9000"],
    )
    root_path: PathPrefix = Field(
        "",
        description="The path below which a proxy passes requests on without taking it away, such"
        " as /kpi",
    )
    workers: int = Field(1, ge=1, le=64, description="Processes that share the port")
    redis_url: SecretStr | None = Field(
        None,
        description="Messaging between publisher and gateways; empty: in-process",
        examples=["redis://:password@host:6379"],
    )
    timezone: str = Field("UTC", description="The time zone in which a day begins at midnight")
    grace_seconds: float = Field(
        2.0, ge=0, le=3600, description="How long after its end a bucket counts as complete"
    )
    heartbeat_seconds: float = Field(
        15.0, ge=0.05, le=300, description="The longest silence on a stream before a ping"
    )
    partial_seconds: float = Field(
        10.0,
        ge=0.2,
        le=3600,
        description="How often open buckets are looked at while somebody wants them so far",
    )
    correction_window: Duration = Field(
        timedelta(hours=2),
        ge=timedelta(0),
        le=timedelta(days=5),
        description="How far back published buckets are compared again, such as 2h",
    )
    materialized_only: bool = Field(
        False,
        description="TimescaleDB: show only what the refresh jobs have written; false: real-time",
    )
    retention: Duration | None = Field(
        None,
        ge=timedelta(days=1),
        description="TimescaleDB: how long raw rows are kept, such as 30d; empty: for ever",
        examples=["30d"],
    )
    compress_after: Duration | None = Field(
        None,
        ge=timedelta(hours=1),
        description="TimescaleDB: the age at which raw rows are compressed; empty: never",
        examples=["7d"],
    )
    auth: Annotated[Literal["none", "jwt"], BeforeValidator(lower)] = Field(
        "none",
        description="Who may see what: none: everybody everything; jwt: what their token says",
    )
    jwt_key: SecretStr | None = Field(
        None,
        description="What tokens are signed with: a secret (HS256), or a public key or certificate"
        " as PEM (RS256, ES256, EdDSA)",
        examples=["a secret of 32 characters or more"],
    )
    jwks_url: str | None = Field(
        None,
        description="Where the issuer publishes its keys, instead of KPI_JWT_KEY",
        examples=["https://login.example/.well-known/jwks.json"],
    )
    jwt_issuer: str = Field("", description="The issuer (iss) that tokens must be of; empty: any")
    jwt_audience: str = Field(
        "", description="The audience (aud) that tokens must be for; empty: any"
    )
    auth_none_anywhere: bool = Field(
        False,
        description="Let KPI_BIND name any address although everybody may then see and change"
        " everything; false: loopback only",
    )
    allowed_hosts: str = Field(
        "",
        description="Names by which clients reach it besides localhost, KPI_BIND's and IP"
        " addresses, such as kpi.example; *: any",
    )
    allowed_origins: str = Field(
        "",
        description="Other sites whose pages may read it, such as https://wiki.example; *: all;"
        " empty: none",
    )
    allowed_frames: str = Field(
        "",
        description="Other sites that may show the dashboard in a frame; *: all; empty: none",
    )
    trusted_proxies: str = Field(
        "",
        description="Proxies whose X-Forwarded-For, X-Forwarded-Proto and Forwarded are believed:"
        " networks such as 10.0.0.0/8 fd00::/8; unix: whoever uses the Unix socket",
    )
    http2: bool = Field(
        False,
        description="Speak HTTP/2 as well; a stream then costs 20 KB instead of 4, and a fault ends"
        " all streams of a connection",
    )
    tls_certificate: Path | None = Field(
        None,
        description="Certificate chain (PEM) to speak TLS with; read anew when it changes",
        examples=["/etc/ssl/kpi.pem"],
    )
    tls_key: Path | None = Field(
        None, description="The certificate's private key (PEM)", examples=["/etc/ssl/kpi.key"]
    )
    keep_alive_seconds: float = Field(
        75.0,
        gt=0,
        le=3600,
        description="How long a connection may be idle between two requests; load balancers"
        " want it longer than their own, which is often 60",
    )
    header_timeout_seconds: float = Field(
        10.0, gt=0, le=600, description="How long a client may take over a request's head"
    )
    max_url_bytes: int = Field(
        32_768, ge=1024, le=1_048_576, description="The longest URL; 414 beyond"
    )
    max_header_bytes: int = Field(
        65_536, ge=1024, le=1_048_576, description="All header fields of a request; 431 beyond"
    )
    max_connections: int | None = Field(
        None,
        ge=1,
        examples=["10000"],
        description="Connections that a process keeps open at most, streams included; beyond, idle"
        " ones are closed, or new ones at once; empty: as many as it may have files, less 100",
    )
    max_streams: int = Field(16_000, ge=1, description="Streams that a process keeps open at most")
    max_streams_per_address: int | None = Field(
        None,
        ge=1,
        examples=["500"],
        description="Streams of one client address (of an IPv6 network of /64) that a process keeps"
        " open at most; empty: no limit",
    )
    max_streams_per_subject: int | None = Field(
        None,
        ge=1,
        examples=["100"],
        description="Streams of one token's subject that a process keeps open at most; empty: no"
        " limit",
    )
    max_requests_per_second: float | None = Field(
        None,
        gt=0,
        examples=["20"],
        description="Requests a second of one address and of one subject, ten seconds' at once; 429"
        " beyond; empty: no limit",
    )
    stream_max_age: Duration = Field(
        timedelta(hours=1),
        ge=timedelta(seconds=1),
        le=timedelta(days=7),
        description="A stream's life, spread by ± 20 %",
    )
    drain_seconds: float = Field(
        3.0, ge=0, le=300, description="Over how long a shutdown spreads the closing of streams"
    )
    send_timeout_seconds: float = Field(
        30.0, gt=0, le=600, description="How long a reader may take nothing before it is closed"
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        require_zone(name)
        return name

    @field_validator("allowed_origins", "allowed_frames")
    @classmethod
    def _origins(cls, text: str) -> str:
        parse_origins(text)
        return text

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, text: str) -> str:
        parse_hosts(text)
        return text

    @field_validator("bind", "admin_bind")
    @classmethod
    def _bindable(cls, text: str | None) -> str | None:
        if text is not None:
            parse_bind(text)
        return text

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("KPI_TLS_CERTIFICATE and KPI_TLS_KEY are set together or not at all")
        return self

    @model_validator(mode="after")
    def _key_of_tokens(self) -> Self:
        if self.auth == "jwt" and (self.jwt_key is None) == (self.jwks_url is None):
            raise ValueError("KPI_AUTH=jwt needs KPI_JWT_KEY or KPI_JWKS_URL, and not both")
        if self.jwks_url is not None:
            require_safe_url(self.jwks_url)
            if self.auth == "jwt" and not (self.jwt_issuer and self.jwt_audience):
                raise ValueError(
                    "KPI_JWKS_URL needs KPI_JWT_ISSUER and KPI_JWT_AUDIENCE: others use its keys"
                )
        return self

    @property
    def address(self) -> Bind:
        """Where to listen."""
        return parse_bind(self.bind)

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, text: str) -> str:
        for word in split(text):
            try:
                network(word)
            except ValueError:
                raise ValueError(
                    f"{word!r} is no network; write addresses and networks separated by spaces,"
                    " such as 10.0.0.0/8 fd00::/8"
                ) from None
        return text

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of the trusted proxies."""
        return tuple(filter(None, map(network, split(self.trusted_proxies))))

    @property
    def trusts_unix(self) -> bool:
        """Whether clients of the Unix socket are trusted proxies."""
        return "unix" in split(self.trusted_proxies)

    @property
    def zone(self) -> ZoneInfo:
        """The business's time zone, by the newest rules: a system's own may be years behind."""
        with zone_rules(self.timezone).open("rb") as file:
            return ZoneInfo.from_file(file, key=self.timezone)
