"""Another period is one line, the one that the document shows."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from pathlib import Path

from app.data.database import Database
from app.settings import Settings
from tests.world import execute

ROOT = Path(__file__).resolve().parent.parent
READ = """
import asyncio, sys
from pydantic import SecretStr
from app.data.database import Database
from app.data.repository import Repository
from app.models import parse_period
from app.settings import Settings

async def main():
    settings = Settings(database_url=SecretStr(sys.argv[1]), _env_file=None)
    async with Database(settings) as database:
        repository = Repository(database, settings)
        period = parse_period("30min")
        reading = await repository.since(period, {"a": 0})
        grid = repository.grids[period]
        for code, bucket in reading.rows:
            print(code, bucket.value, bucket.points, grid.next(bucket.start) - bucket.start)

asyncio.run(main())
"""


async def test_the_documents_line_adds_a_period(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    document = (ROOT / "docs" / "kpis.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.+)\n```", document)
    assert found is not None
    for folder in ("app", "queries"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    models = tmp_path / "app" / "models.py"
    text = models.read_text(encoding="utf-8")
    minute = '    MINUTE = "minute"'
    assert minute in text
    models.write_text(text.replace(minute, f"{found[1]}\n{minute}"), encoding="utf-8")
    await execute(
        database,
        "INSERT INTO kpi_raw_data SELECT date_bin('30 min', now(), '2000-01-01Z')"
        " - m * INTERVAL '10 min', 'a', m FROM generate_series(1, 6) AS m",
    )
    assert settings.database_url is not None
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", READ, settings.database_url.get_secret_value()),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert output.decode().splitlines() == ["a 5.0 3 1800", "a 2.0 3 1800"]
