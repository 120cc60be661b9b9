"""`python -m app` is `kpi-stream`."""

from .cli import main

if __name__ == "__main__":
    main()
