"""`kpi-stream`, and `python -m app` in the repository."""

import os
import sys


def main() -> None:
    """Run the command line, or say where it cannot run."""
    if sys.platform == "win32":
        raise SystemExit(
            "kpi-stream runs on Linux and macOS. On Windows, run it in the Windows Subsystem for "
            "Linux (wsl --install), or in Docker with deploy/Dockerfile."
        )
    _leave_ascii()
    from .cli import main as command_line  # it needs what only Unix has

    command_line()


def _leave_ascii() -> None:
    """Start Python anew where the locale knows ASCII alone: names of files and KPIs are UTF-8."""
    if sys.getfilesystemencoding() == "ascii":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
