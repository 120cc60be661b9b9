"""Write `.env.example` and the README's settings table from the settings class."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from pydantic.fields import FieldInfo

from app.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
_TABLE = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- /settings -->)", re.DOTALL)
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def variable(name: str) -> str:
    """Return the environment variable of the setting `name`."""
    return f"{Settings.model_config['env_prefix']}{name}".upper()


def default(field: FieldInfo) -> str:
    """Return the field's default as one would write it in `.env`; empty where there is none."""
    value = field.get_default(call_default_factory=True)
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        unit = next(unit for unit, length in _UNITS.items() if seconds % length == 0)
        return f"{seconds / _UNITS[unit]:g}{unit}"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple | set | frozenset):
        return ",".join(map(str, value))
    return str(value)


def env_example() -> str:
    """Return the text of `.env.example`."""
    blocks = ["# Copy to .env and uncomment what should differ. Each line shows the default.\n"]
    for name, field in Settings.model_fields.items():
        blocks.append(f"# {field.description}\n# {variable(name)}={default(field)}\n")
    return "\n".join(blocks)


def readme_table() -> str:
    """Return the settings table of the README."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        shown = f"`{default(field)}`" if default(field) else ""
        meaning = (field.description or "").replace("|", r"\|")
        lines.append(f"| `{variable(name)}` | {shown} | {meaning} |")
    return "\n".join(lines) + "\n"


def readme() -> str:
    """Return the README with its settings table as it should be."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return _TABLE.sub(lambda _: readme_table(), text, count=1)


if __name__ == "__main__":
    (ROOT / ".env.example").write_text(env_example(), encoding="utf-8")
    (ROOT / "README.md").write_text(readme(), encoding="utf-8")
