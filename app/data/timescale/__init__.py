"""TimescaleDB: what is made there, and what it says of itself."""
