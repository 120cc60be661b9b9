"""The settings as this process was started with them: from the environment and `.env`."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from dotenv import dotenv_values
from pydantic import ValidationError

from .errors import ConfigurationError
from .setting_errors import explain, unknown
from .settings import Settings

_log = logging.getLogger(__name__)


def load_settings() -> Settings:
    """Read the settings; raise ConfigurationError with all that is wrong with them."""
    errors, warnings = unknown([*os.environ, *_names_in_file()], Settings.model_fields)
    for warning in warnings:
        _log.warning("%s", warning)
    try:
        settings = Settings()
    except ValidationError as error:
        errors = [*explain(error, Settings.model_fields), *errors]
    if errors:
        raise ConfigurationError("\n".join(errors))
    return settings


def _names_in_file() -> list[str]:
    """Return the names that `.env` sets; raise ConfigurationError where it cannot be read."""
    path = Settings.model_config.get("env_file")
    if not isinstance(path, str | Path):
        return []
    try:
        return list(dotenv_values(path, encoding="utf-8"))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigurationError(
            f"{path} is not in UTF-8 (line {line}): save it again as UTF-8"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
