"""What is published: built, installed where others have an `app` of their own, and used."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.e2e.server_process import STARTED, free_port

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 240.0

pytestmark = [pytest.mark.timeout(420), pytest.mark.xdist_group("package")]


def run(*command: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def done(*command: str | Path, folder: Path) -> str:
    ended = run(*command, folder=folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def pythons() -> dict[tuple[int, int], Path]:
    """Return the Pythons of this machine that are new enough, by release."""
    names = [f"python3.{minor}" for minor in range(11, 20)]
    folders = [*os.environ["PATH"].split(":"), *Path.home().glob(".pyenv/versions/*/bin")]
    candidates = [sys.executable, *(shutil.which(n, path=str(f)) for n in names for f in folders)]
    found: dict[tuple[int, int], Path] = {}
    for path in filter(None, candidates):
        said = run(
            path, "-c", "import ensurepip, sys; print(*sys.version_info[:2])", folder=ROOT
        ).stdout.split()
        if said:
            found.setdefault((int(said[0]), int(said[1])), Path(path))
    return found


def environment(python: Path, folder: Path) -> Path:
    """Make an empty environment, without pip even, and return its Python."""
    done(python, "-m", "venv", "--without-pip", folder, folder=folder.parent)
    return folder / "bin" / "python"


def install(python: Path, *what: str | Path) -> None:
    """Install with the pip of the tests; most modules are never imported, so none is compiled."""
    done(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile"),
        *("--disable-pip-version-check", *what),
        folder=python.parent,
    )


@dataclass(frozen=True)
class Built:
    wheel: Path
    sdist: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    python = environment(Path(sys.executable), folder / "builder")
    install(python, "hatchling")
    done(python, "-m", "hatchling", "build", "--directory", folder, folder=ROOT)
    return Built(next(folder.glob("*.whl")), next(folder.glob("*.tar.gz")))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with packages of the names that this one has in its repository."""
    for name in ("app", "queries", "web"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    return tmp_path


@contextmanager
def demo(program: Path, project: Path) -> Iterator[str]:
    """Run the demo inside the project until the end of the context; yield its address."""
    port = free_port()
    with TemporaryDirectory(prefix="kpi-") as data:
        process = subprocess.Popen(
            [program, "demo"],
            cwd=project,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(project),
                "KPI_DATA_DIR": data,
                "KPI_BIND": f"127.0.0.1:{port}",
            },
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        try:
            said = []
            while STARTED not in (line := process.stderr.readline()):
                said.append(line)
                assert line, b"".join(said).decode()
            yield f"http://127.0.0.1:{port}"
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.communicate()


def body(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as response:  # noqa: S310
        content: bytes = response.read()
        return content


def sources() -> set[str]:
    """Return the names of all files that the program consists of."""
    files = (path for name in ("app", "queries", "web") for path in (ROOT / name).rglob("*.*"))
    return {
        str(path.relative_to(ROOT))
        for path in files
        if path.is_file() and path.suffix != ".pyc" and not path.name.startswith(".")
    }


def test_everything_lies_under_one_name(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        names = wheel.namelist()
        tops = {name.partition("/")[0] for name in names}
        assert {top for top in tops if not top.endswith(".dist-info")} == {"kpi_stream"}
        assert {f"kpi_stream/{name}" for name in sources()} <= set(names)
        assert "kpi_stream/web/vendor/uPlot.iife.min.js" in names
    with tarfile.open(built.sdist) as sdist:
        tops = {"/".join(name.split("/")[1:2]) for name in sdist.getnames()}
    assert {"app", "queries", "web", "pyproject.toml", "hatch_build.py"} <= tops
    assert "tests" not in tops


@pytest.mark.parametrize("which", ["newest", pytest.param("oldest", marks=pytest.mark.slow)])
def test_it_works_beside_another_app(which: str, built: Built, project: Path) -> None:
    """The wheel on the oldest Python, the source distribution on the newest one."""
    choice = min if which == "oldest" else max
    found = pythons()
    python = environment(found[choice(found)], project / "env")
    program = python.parent / "kpi-stream"
    install(python, built.wheel if which == "oldest" else built.sdist)

    alone = run(program, "demo", folder=project, PYTHONPATH=str(project))
    assert alone.returncode == 1, alone.stderr
    assert "set KPI_DATABASE_URL" in alone.stderr
    assert "pip install 'kpi-stream[embedded]'" in alone.stderr
    assert len(alone.stderr.splitlines()) == 1
    assert not (project / "data").exists()

    install(python, f"{built.wheel}[embedded]")
    with demo(program, project) as url:
        page = body(f"{url}/").decode()
        for name in re.findall(r'(?:src|href)="(web/[^"]+)"', page):
            assert body(f"{url}/{name}")
        assert body(f"{url}/web/vendor/uPlot.iife.min.js").startswith(b"/*!")
        assert b"cpu_utilisation" in body(f"{url}/kpi")


def test_the_editable_install_is_one_package(tmp_path: Path) -> None:
    """`make run` uses it: the script works from anywhere, and no module is there twice."""
    listed = done(
        sys.executable,
        "-c",
        "import kpi_stream.app.gateway, sys; print(*(m for m in sys.modules if 'gateway' in m))",
        folder=tmp_path,
    )
    assert listed.split() == ["kpi_stream.app.gateway"]
    program = Path(sys.executable).parent / "kpi-stream"
    assert "Usage: kpi-stream" in done(program, "--help", folder=tmp_path)


@pytest.mark.slow
def test_it_installs_on_alpine_without_a_compiler(built: Built, tmp_path: Path) -> None:
    """All it needs has wheels for Alpine Linux too; the embedded PostgreSQL is an extra."""
    done(
        *(sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--target", tmp_path),
        *("--only-binary=:all:", "--python-version=3.13"),
        *("--platform=musllinux_1_1_x86_64", "--platform=musllinux_1_2_x86_64"),
        built.wheel,
        folder=tmp_path,
    )
