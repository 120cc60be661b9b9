"""Links for screens on walls, which see their KPIs and can do nothing else."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from urllib.parse import urlencode

from ..data.token_store import TokenStore
from ..errors import ConfigurationError, UnauthorizedError
from ..setting_types import parse_duration
from ..settings import Settings
from .access import OwnSecret
from .caller import Caller
from .grants import Grants
from .tokens import Kind


def screen_grants(kpis: Sequence[str], periods: Sequence[str], board: str | None) -> Grants:
    """Return what a screen may see; raises ConfigurationError."""
    claim = {
        "kpis": list(kpis),
        "periods": list(periods) or None,
        "boards": [] if board is None else [board],
    }
    try:
        return Grants.parse(claim)
    except UnauthorizedError as error:
        raise ConfigurationError(str(error)) from None


async def screen_link(
    settings: Settings,
    store: TokenStore,
    name: str,
    grants: Grants,
    expires: str,
    url: str | None,
) -> str:
    """Return a new link for a screen, noted by its name so that it can be revoked.

    The token is in the fragment, which browsers send to nobody. Raises ConfigurationError.
    """
    if settings.auth != "jwt":
        raise ConfigurationError("KPI_AUTH is none, so screens need no token; set KPI_AUTH=jwt")
    try:
        until = time.time() + parse_duration(expires).total_seconds()
    except ValueError as error:
        raise ConfigurationError(f"--expires: {error}") from None
    id_ = secrets.token_urlsafe(12)
    own = await OwnSecret(settings, store).tokens()
    token = own.make(Kind.SCREEN, Caller(f"screen {name}", grants, until), until, id=id_)
    await store.add_screen(id_, name, until)
    base = (url or settings.address.url()).rstrip("/")
    board = [("board", slug) for slug in grants.boards or ()]
    return f"{base}/sign-in?{urlencode([('wall', ''), *board])}#{token}"


async def screen_lines(store: TokenStore) -> list[str]:
    """Return a line for each screen whose token has not expired."""
    return [
        f"{screen.name}\tsince {screen.created_at:%Y-%m-%d}\t"
        + (
            f"until {screen.until:%Y-%m-%d}"
            if screen.revoked_at is None
            else f"revoked {screen.revoked_at:%Y-%m-%d %H:%M}"
        )
        for screen in await store.screens()
    ]
