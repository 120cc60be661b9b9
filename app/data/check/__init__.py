"""What `kpi-stream db check` looks at, and what it advises."""
