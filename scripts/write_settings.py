"""Write `.env.example` and the README's settings table from the settings class."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic.fields import FieldInfo

from app.setting_errors import variable, written
from app.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
_TABLE = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- /settings -->)", re.DOTALL)


def default(field: FieldInfo) -> str:
    """Return the field's default as one would write it in `.env`; empty where there is none."""
    return written(field.get_default(call_default_factory=True))


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
