"""From changed rows to listeners, in pure asyncio: no web framework here."""
