"""From credentials to a caller: tokens, cookies, tickets and screens."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from ..data.token_store import TokenStore
from ..errors import ConfigurationError, ForbiddenError, UnauthorizedError
from ..live.permits import Permit
from ..settings import Settings
from .caller import EVERYBODY, Caller
from .jwks import KeySet
from .keys import Keys, OneKey, read_key
from .revocations import Revocations
from .tokens import Kind, OwnTokens, Verifier, header_of

MAX_COOKIE_BYTES = 3900
"""Browsers drop a cookie of more than 4,096, its name and attributes included (RFC 6265, 6.1)."""

TICKET_SECONDS = 60.0
MAX_REMEMBERED = 2048
"""Tokens that were checked a moment ago and need not be checked again."""

REMEMBERED_SECONDS = 60.0
"""How long: a key that was withdrawn is noticed then."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brings to say who it is of.

    `foreign`: a page of another site made it, so the cookie, which browsers send along, says
    nothing. `writes`: it wants to change something.
    """

    bearer: str | None = None
    cookie: str | None = None
    ticket: str | None = None
    foreign: bool = False
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that was made, and when it expires."""

    token: str
    expires: float


class OpenAccess:
    """KPI_AUTH=none: everybody may do everything, but no other site's page may change anything."""

    jwt = False

    async def identify(self, credentials: Credentials) -> Caller:
        """Return whom a request is of."""
        if credentials.foreign and credentials.writes:
            raise ForbiddenError("another site's page may not change anything here")
        return EVERYBODY

    def permit(self, caller: Caller) -> None:
        """No stream has to end."""


class TokenAccess:
    """KPI_AUTH=jwt: whoever asks must bring a token, a cookie or a ticket."""

    jwt = True

    def __init__(
        self, verifier: Verifier, own: OwnSecret, store: TokenStore, revocations: Revocations
    ) -> None:
        self._verifier = verifier
        self._own = own
        self._store = store
        self._revocations = revocations
        self._remembered: OrderedDict[tuple[Kind | None, str], tuple[float, Caller]] = OrderedDict()

    async def identify(self, credentials: Credentials) -> Caller:
        """Return whom a request is of.

        A token counts before the cookie, and the cookie before a ticket: an EventSource comes back
        with the URL of a ticket that it has used. Raises UnauthorizedError, UnavailableError.
        """
        if credentials.bearer is not None:
            return await self._of_bearer(credentials.bearer)
        if credentials.cookie is not None and not credentials.foreign:
            try:
                return await self._of_cookie(credentials.cookie)
            except UnauthorizedError:
                if credentials.ticket is None:
                    raise
        if credentials.ticket is not None:
            return await self.redeem(credentials.ticket)
        raise UnauthorizedError(
            "a token is needed: Authorization: Bearer, POST /session or /ticket"
        )

    async def redeem(self, ticket: str) -> Caller:
        """Use a ticket up; raises UnauthorizedError, UnavailableError."""
        if header_of(ticket).get("typ") != Kind.TICKET:
            raise UnauthorizedError(
                "a token does not belong in a URL, where it is kept and seen; POST /ticket with it"
            )
        opened = (await self._own.tokens()).open(Kind.TICKET, ticket)
        if not await self._store.spend(opened.id, "ticket", opened.expires):
            raise UnauthorizedError("the ticket was used already")
        return await self._current(opened.caller)

    async def open_session(self, caller: Caller) -> Issued:
        """Return what the cookie of a caller's session holds; it ends with the caller's token."""
        expires = caller.expires or time.time()
        token = (await self._own.tokens()).make(Kind.SESSION, caller, expires)
        if len(token) > MAX_COOKIE_BYTES:
            raise ForbiddenError("the token names more KPIs than a cookie has room for; use a.*")
        return Issued(token, expires)

    async def close_session(self, cookie: str) -> None:
        """Let a session count no more, anywhere; one that does not count is no error."""
        try:
            opened = (await self._own.tokens()).open(Kind.SESSION, cookie)
        except UnauthorizedError:
            return
        await self._store.spend(opened.id, "session", opened.expires)
        self._revocations.add(opened.id)

    async def make_ticket(self, caller: Caller) -> Issued:
        """Return a ticket that speaks for the caller once."""
        expires = min(time.time() + TICKET_SECONDS, caller.expires or time.time())
        return Issued((await self._own.tokens()).make(Kind.TICKET, caller, expires), expires)

    def permit(self, caller: Caller) -> Permit:
        """Return what says why a stream of the caller must end, if it must."""
        revocations, expires, tokens = self._revocations, caller.expires, caller.tokens

        def reason() -> str | None:
            if expires is not None and time.time() >= expires:
                return "the token has expired"
            if tokens and revocations.has(tokens):
                return "the token was revoked"
            return None

        return reason

    async def _of_bearer(self, token: str) -> Caller:
        known = self._known(None, token)
        if known is not None:  # nothing of it is read again, not even its header
            return known
        if header_of(token).get("typ") == Kind.SCREEN:
            return await self._current(await self._remember(token, Kind.SCREEN))
        return await self._remember(token, None)

    async def _of_cookie(self, cookie: str) -> Caller:
        return await self._current(await self._remember(cookie, Kind.SESSION))

    async def _current(self, caller: Caller) -> Caller:
        await self._revocations.look()
        if self._revocations.has(caller.tokens):
            raise UnauthorizedError("the token was revoked")
        return caller

    async def _remember(self, token: str, kind: Kind | None) -> Caller:
        """Check a token, unless the same was checked a moment ago."""
        found = self._known(kind, token)
        if found is not None:
            return found
        if kind is None:
            caller = await self._verifier.verify(token)
        else:
            caller = (await self._own.tokens()).open(kind, token).caller
        now = time.time()
        until = min(now + REMEMBERED_SECONDS, caller.expires or now)
        self._remembered[kind, token] = (until, caller)
        self._remembered.move_to_end((kind, token))
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return caller

    def _known(self, kind: Kind | None, token: str) -> Caller | None:
        """Return whom a token spoke for when it was checked a moment ago."""
        found = self._remembered.get((kind, token))
        return found[1] if found is not None and time.time() < found[0] else None


Access = OpenAccess | TokenAccess


class OwnSecret:
    """Our own tokens, by a secret from the settings' key or, where that is public, the database."""

    def __init__(self, settings: Settings, store: TokenStore) -> None:
        self._store = store
        self._tokens: OwnTokens | None = None
        if settings.jwt_key is not None:
            key = read_key(settings.jwt_key.get_secret_value())
            if key.algorithm == "HS256":
                self._tokens = OwnTokens(key.material)

    async def tokens(self) -> OwnTokens:
        """Return the maker of our own tokens; raises UnavailableError, ConfigurationError."""
        if self._tokens is None:
            self._tokens = OwnTokens(await self._store.secret())
        return self._tokens


@asynccontextmanager
async def open_access(settings: Settings, store: TokenStore) -> AsyncIterator[Access]:
    """Open what the settings ask for; raises ConfigurationError."""
    if settings.auth == "none":
        yield OpenAccess()
        return
    async with AsyncExitStack() as stack:
        if settings.jwt_key is not None:
            keys: Keys = OneKey(read_key(settings.jwt_key.get_secret_value()))
        elif settings.jwks_url is not None:
            keys = await stack.enter_async_context(KeySet(settings.jwks_url))
        else:
            raise ConfigurationError("KPI_AUTH=jwt needs KPI_JWT_KEY or KPI_JWKS_URL")
        verifier = Verifier(keys, settings.jwt_issuer, settings.jwt_audience)
        revocations = await stack.enter_async_context(Revocations(store))
        yield TokenAccess(verifier, OwnSecret(settings, store), store, revocations)
