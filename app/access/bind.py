"""Whether the address listened on lets anybody in but this machine itself."""

from __future__ import annotations

from ..errors import ConfigurationError
from ..settings import Settings
from .keys import read_key


def require_safe_bind(settings: Settings) -> None:
    """Raise ConfigurationError where everybody on the network would have all rights.

    So that nothing is begun in vain, also where KPI_JWT_KEY is no key.
    """
    if settings.auth == "jwt" and settings.jwt_key is not None:
        read_key(settings.jwt_key.get_secret_value())
    if settings.auth != "none" or settings.auth_none_anywhere or settings.address.is_local:
        return
    raise ConfigurationError(
        f"KPI_BIND={settings.bind} would let everybody who reaches this machine see and change "
        "everything: set KPI_AUTH=jwt, bind 127.0.0.1, or set KPI_AUTH_NONE_ANYWHERE=true if that"
        " is what you want"
    )
