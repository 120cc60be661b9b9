"""Settings that are wrong: each is named, with its value and what would be right."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from importlib import resources
from pathlib import Path

import pytest

from app.environment import load_settings
from app.errors import ConfigurationError
from app.setting_errors import variable
from app.setting_types import require_zone
from app.settings import Settings

SECRET = "hunter2"


def refusal() -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        load_settings()
    return str(raised.value).splitlines()


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPI_GRACE_SECONDS", "-1")
    monkeypatch.setenv("KPI_WORKERS", "two")
    monkeypatch.setenv("KPI_DATABSE_URL", f"postgresql://u:{SECRET}@host/db")
    assert refusal() == [
        "KPI_WORKERS=two: is no whole number; an example is KPI_WORKERS=1",
        "KPI_GRACE_SECONDS=-1: must be 0 or more; an example is KPI_GRACE_SECONDS=2",
        "KPI_DATABSE_URL is no setting; did you mean KPI_DATABASE_URL?",
    ]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("KPI_STREAM_MAX_AGE", "0", "must be 1s or more"),
        ("KPI_STREAM_MAX_AGE", "1000d", "must be 7d or less"),
        ("KPI_RETENTION", "1s", "must be 1d or more; an example is KPI_RETENTION=30d"),
        ("KPI_COMPRESS_AFTER", "0", "must be 1h or more"),
        ("KPI_SEND_TIMEOUT_SECONDS", "0", "must be more than 0"),
        ("KPI_GRACE_SECONDS", "nan", "an example is KPI_GRACE_SECONDS=2"),
        ("KPI_CORRECTION_WINDOW", "9" * 30 + "d", "longer than any clock"),
        ("KPI_CORRECTION_WINDOW", "two hours", "such as 2h"),
        ("KPI_MATERIALIZED_ONLY", "maybe", "is neither true nor false"),
        ("KPI_TIMEZONE", "berlin", "write one such as Europe/Berlin"),
        ("KPI_TIMEZONE", "America/New York", "write one such as America/New_York"),
        ("KPI_TIMEZONE", "localtime", "this is no time zone"),
        ("KPI_TIMEZONE", "Factory", "this is no time zone"),
        ("KPI_TIMEZONE", "../../etc/passwd", "this is no time zone"),
        ("KPI_ALLOWED_ORIGINS", "https://a.example, b.example", "'b.example' is no origin"),
        ("KPI_ROOT_PATH", "kpi?x", "write it such as /kpi"),
        ("KPI_ROOT_PATH", "kpi", "write it such as /kpi"),
        ("KPI_ROOT_PATH", "//kpi", "write it such as /kpi"),
        ("KPI_ROOT_PATH", "/a/../kpi", "write it such as /kpi"),
        ("KPI_ROOT_PATH", "/a%2Fb", "write it such as /kpi"),
        ("KPI_ROOT_PATH", "https://host/kpi", "write it such as /kpi"),
    ],
)
def test_a_wrong_value_is_said_with_an_example(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    (sentence,) = refusal()
    assert sentence.startswith(f"{name}=")
    assert said in sentence


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secrets = [name for name, field in Settings.model_fields.items() if "Secret" in str(field)]
    assert "database_url" in secrets
    for name in secrets:
        monkeypatch.setenv(variable(name), f"{SECRET}\udcff")
        try:
            load_settings()
        except ConfigurationError as error:
            assert SECRET not in str(error)
        monkeypatch.delenv(variable(name))


def test_every_setting_has_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    without = [
        name
        for name, field in Settings.model_fields.items()
        if field.get_default() is None and not field.examples
    ]
    assert without == []


def test_names_of_other_programs_are_told_of_and_no_more(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("KPI_STREAM_SERVICE_HOST", "10.0.0.1")  # as Kubernetes does
    monkeypatch.setenv("KPI_STREAM_PORT_8000_TCP", "tcp://10.0.0.1:8000")
    monkeypatch.setenv("KPI_FOLDER", "x")
    load_settings()
    assert [record.getMessage() for record in caplog.records] == [
        "KPI_FOLDER is no setting and is ignored; the nearest is KPI_WORKERS"
    ]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("KPI_WORKERS=1\nKPI_DATABASE_URL: postgresql://u:secret@h/x\n", 2),
        ('KPI_DATABASE_URL="postgresql://u:secret@h/x\nKPI_WORKERS=2\n', 1),
        ("\nKPI_DATABASE_URL\n", 2),
    ],
)
def test_a_line_that_sets_nothing_is_said(
    content: str, line: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It would serve the embedded database without a word."""
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    (tmp_path / ".env").write_text(content)
    (said,) = refusal()
    assert f"line {line}: this is no NAME=value" in said
    assert "secret" not in said


def test_lines_of_other_programs_are_theirs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    (tmp_path / ".env").write_text("HOME\nother: 'x\nexport KPI_WORKERS = '3' # three\n")
    assert load_settings().workers == 3


def test_a_folder_in_the_place_of_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    (tmp_path / ".env").mkdir()
    (said,) = refusal()
    assert "is a folder: Docker makes one" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"KPI_BINT=127.0.0.1:80\n", "KPI_BINT is no setting; did you mean KPI_BIND?"),
        (b"\nKPI_BIND=\xe4\n", "is not in UTF-8 (line 2): save it again as UTF-8"),
        ("KPI_BIND=1\n".encode("utf-16"), "is not in UTF-8 (line 1)"),
    ],
)
def test_the_file_is_read_as_carefully(
    content: bytes, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    (tmp_path / ".env").write_bytes(content)
    assert said in "\n".join(refusal())


def test_a_file_with_the_mark_of_windows_editors_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    (tmp_path / ".env").write_bytes("\ufeffKPI_WORKERS=3\r\nKPI_DATA_DIR=x\r\n".encode())
    settings = load_settings()
    assert (settings.workers, settings.data_dir) == (3, Path("x"))


def test_browsers_know_every_zone_that_is_taken() -> None:
    text = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    script = """
        const zones = JSON.parse(require('fs').readFileSync(0, 'utf8'));
        const unknown = zones.filter((timeZone) => {
            try { new Intl.DateTimeFormat('en', { timeZone }); } catch { return true; }
            return false;
        });
        console.log(JSON.stringify(unknown));
    """
    ended = subprocess.run(
        ["node", "-e", script],
        input=json.dumps(text.split()),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    unknown = json.loads(ended.stdout)
    assert unknown, "there are such zones, or this test says nothing"
    for zone in unknown:
        with pytest.raises(ValueError, match="no time zone"):
            require_zone(zone)


def test_words_and_units_may_be_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPI_AUTH", "JWT ")
    monkeypatch.setenv("KPI_JWT_KEY", "k" * 40)
    monkeypatch.setenv("KPI_CORRECTION_WINDOW", "2 H")
    monkeypatch.setenv("KPI_STREAM_MAX_AGE", "90min")
    settings = load_settings()
    assert settings.auth == "jwt"
    assert settings.correction_window == timedelta(hours=2)
    assert settings.stream_max_age == timedelta(minutes=90)
