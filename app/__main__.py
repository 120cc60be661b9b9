"""`kpi-stream`, and `python -m app` in the repository."""

import sys


def main() -> None:
    """Run the command line, or say where it cannot run."""
    if sys.platform == "win32":
        raise SystemExit(
            "kpi-stream runs on Linux and macOS. On Windows, run it in the Windows Subsystem for "
            "Linux (wsl --install), or in Docker with deploy/Dockerfile."
        )
    from .cli import main as command_line  # it needs what only Unix has

    command_line()


if __name__ == "__main__":
    main()
