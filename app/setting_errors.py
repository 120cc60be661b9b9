"""What is wrong with the settings, in words: the variable, its value and an example."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

PREFIX = "KPI_"
_SURELY_MEANT = 0.8
_LONGEST_SHOWN = 100

# What Kubernetes and Docker set for a service that is called `kpi` or `kpi-…`.
_OF_SERVICES = re.compile(r"\w+_SERVICE_(HOST|PORT\w*)|\w*PORT(_\d+_(TCP|UDP)(_\w+)?)?|\w+_NAME")

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_BOUNDS = ("gt", "ge", "lt", "le")
_MESSAGES = {
    "bool_parsing": "is neither true nor false",
    "bool_type": "is neither true nor false",
    "int_parsing": "is no whole number",
    "int_from_float": "is no whole number",
    "int_type": "is no whole number",
    "float_parsing": "is no number",
    "float_type": "is no number",
    "finite_number": "is no number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
}


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{PREFIX}{name}".upper()


def written(value: Any) -> str:
    """Return a value as one would write it in `.env`; empty where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        unit, length = next((u, n) for u, n in (*_UNITS, ("s", seconds or 1)) if not seconds % n)
        return f"{seconds if unit == 's' else seconds / length:g}{unit}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def explain(error: ValidationError, fields: Mapping[str, FieldInfo]) -> list[str]:
    """Return a sentence for each setting that is wrong. No secret is shown."""
    return [_sentence(each, fields) for each in error.errors(include_url=False)]


def _sentence(error: Any, fields: Mapping[str, FieldInfo]) -> str:
    message = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    if not error["loc"]:
        return message
    name = str(error["loc"][0])
    field = fields[name]
    if (template := _MESSAGES.get(error["type"])) is not None:
        # The error's own context has a duration in words of another kind.
        bounds = {key: _bound(field, key) for key in _BOUNDS}
        message = template.format(**bounds)
    shown = variable(name)
    if not _is_secret(field):
        text = written(error["input"])
        shown += f"={text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + '…'}"
    example = written(field.get_default()) or next(iter(field.examples or ()), "")
    if "such as" in message or "write " in message or not example:
        return f"{shown}: {message}"
    return f"{shown}: {message}; an example is {variable(name)}={example}"


def _bound(field: FieldInfo, key: str) -> str:
    return next((written(getattr(r, key)) for r in field.metadata if hasattr(r, key)), "")


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr.__name__ in str(field.annotation)


def unknown(names: Iterable[str], fields: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return a sentence for each name that is no setting: the errors, and the mere warnings.

    A name that is nearly one was surely meant to be it; others may be of other programs.
    """
    known = [variable(field) for field in fields]
    errors, warnings = [], []
    for name in sorted(set(names)):
        if name.upper() in known or not name.upper().startswith(PREFIX):
            continue
        (nearest,) = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0) or [known[0]]
        ratio = difflib.SequenceMatcher(None, name.upper(), nearest).ratio()
        if ratio >= _SURELY_MEANT:
            errors.append(f"{name} is no setting; did you mean {nearest}?")
        elif not _OF_SERVICES.fullmatch(name.upper()):
            warnings.append(f"{name} is no setting and is ignored; the nearest is {nearest}")
    return errors, warnings
