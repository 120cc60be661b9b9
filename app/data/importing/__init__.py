"""What `kpi-stream import` does: from a file's bytes to raw rows."""
