"""The commands of `kpi-stream`, a file each; `app.cli` puts them together."""
