"""The documents say what the code does: settings, lock files, links."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from app.setting_errors import variable
from app.settings import Settings
from scripts.write_settings import ROOT, env_example, readme, readme_table

LOCKS = ("requirements.lock", "requirements-dev.lock")


def test_env_example_lists_every_setting() -> None:
    written = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert written == env_example(), "run `make settings`"


def test_readme_lists_every_setting() -> None:
    written = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme_table() in written
    assert written == readme(), "run `make settings`"


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_env_example_uncommented_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    written = (ROOT / ".env.example").read_text(encoding="utf-8")
    uncommented = re.sub(r"^# (?=KPI_\w+=)", "", written, flags=re.MULTILINE)
    assert uncommented.count("\nKPI_") == len(Settings.model_fields)
    plain = Settings()
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    (tmp_path / ".env").write_text(uncommented, encoding="utf-8")
    assert Settings() == plain


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "CHANGELOG.md",
        "SECURITY.md",
        *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("**/*.md")),
    ],
)
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8"))
    broken = [
        link for link in links if "://" not in link and not (path.parent / link).resolve().exists()
    ]
    assert broken == []


def _locked(lock: str) -> dict[str, list[str]]:
    """Return the versions that `lock` pins, by package."""
    versions: dict[str, list[str]] = {}
    for name, version in re.findall(
        r"^([\w.\-]+)==([^\s;\\]+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE
    ):
        versions.setdefault(canonicalize_name(name), []).append(version)
    return versions


@pytest.mark.parametrize(
    ("lock", "groups"),
    [(LOCKS[0], []), (LOCKS[1], ["dev", "bench"])],
)
def test_lock_satisfies_pyproject(lock: str, groups: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extra = project["project"]["optional-dependencies"]["embedded"]
    wanted = [*project["project"]["dependencies"], *extra]
    for group in groups:
        wanted += project["dependency-groups"][group]
    locked = _locked(lock)
    unmet = [
        text
        for text in wanted
        if not (versions := locked.get(canonicalize_name(Requirement(text).name)))
        or not all(Requirement(text).specifier.contains(version) for version in versions)
    ]
    assert unmet == [], "run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_place_and_hashes_everything(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert re.findall(r"^.*(?:://|file:|^-|@ ).*$", text, re.MULTILINE) == []
    entries = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
