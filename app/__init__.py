"""kpi-stream: real-time KPI dashboards over Server-Sent Events."""
