"""What the demo measures and what it simulates, as rows of the catalogue."""

from __future__ import annotations

from ...models import CatalogueEntry

MACHINE = (
    CatalogueEntry("cpu_utilisation", "CPU utilisation", "%", 1, "down", 80.0),
    CatalogueEntry("memory_used", "Memory used", "%", 1, "down", 85.0),
    CatalogueEntry("load_average", "Load average, one minute", "", 2, "down"),
    CatalogueEntry("disk_read", "Disk read", "MB/s", 2),
    CatalogueEntry("disk_write", "Disk written", "MB/s", 2),
    CatalogueEntry("network_in", "Network received", "MB/s", 3),
    CatalogueEntry("network_out", "Network sent", "MB/s", 3),
    CatalogueEntry("database_transactions", "Database transactions", "1/s", 1),
)
