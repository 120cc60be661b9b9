"""The settings as this process was started with them: from the environment and `.env`."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic import ValidationError

from .errors import ConfigurationError
from .setting_errors import PREFIX, explain, unknown
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
    if Path(path).is_dir():
        raise ConfigurationError(
            f"{path} is a folder: Docker makes one where the file to mount is missing; write the "
            "settings into a file of that name"
        )
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            bindings = list(parse_stream(file))
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigurationError(
            f"{path} is not in UTF-8 (line {line}): save it again as UTF-8"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    for binding in bindings:
        wrong = binding.error or (binding.key is not None and binding.value is None)
        if wrong and PREFIX in binding.original.string.upper():
            # What it says may be a secret. Lines of other programs are theirs.
            text = binding.original.string
            blank = text[: len(text) - len(text.lstrip())].count("\n")
            raise ConfigurationError(
                f"{path}, line {binding.original.line + blank}: this is no NAME=value, or a quote "
                "is not closed"
            )
    return [binding.key for binding in bindings if binding.key is not None]
