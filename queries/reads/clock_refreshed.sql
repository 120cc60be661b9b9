-- What is complete by the clock but not refreshed yet would look like a gap. Before the first refresh
-- that is everything, and no calendar has the day TimescaleDB names.
least(
    now() - :grace::interval,
    greatest(
        timestamptz '1970-01-02Z',
        _timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark({aggregate}))
    )
)
