"""The variables of PostgreSQL's own programs, for what a database's URL leaves open."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class PgVariables(BaseSettings):
    """`PGHOST` and its kin, as psql reads them."""

    model_config = SettingsConfigDict(
        env_prefix="PG", env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: str = "localhost"
    port: str = "5432"
    user: str | None = None
    database: str | None = None
    password: SecretStr | None = None
    passfile: Path | None = None
    service: str = ""
    servicefile: Path | None = None
    sysconfdir: Path = Path("/etc")
