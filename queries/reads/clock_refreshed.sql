-- What is complete by the clock but not refreshed yet would look like a gap. Before the first refresh
-- that is everything, and no calendar has the day TimescaleDB names. Where nobody writes the
-- watermark stands still: then what the last run of the job has looked at is complete as well.
least(
    now() - :grace::interval,
    greatest(
        timestamptz '1970-01-02Z',
        _timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark({aggregate})),
        (
            SELECT max(
                CASE
                    WHEN s.last_run_status = 'Success' THEN s.last_run_started_at
                    -- While a run is under way, the one before it.
                    WHEN s.job_status = 'Running' AND j.initial_start IS NOT NULL
                        AND s.last_successful_finish >= s.last_run_started_at - j.schedule_interval
                        THEN s.last_run_started_at - j.schedule_interval
                END - (j.config ->> 'end_offset')::interval
            )
            FROM timescaledb_information.jobs AS j
            JOIN timescaledb_information.job_stats AS s USING (job_id)
            WHERE j.proc_name = 'policy_refresh_continuous_aggregate'
                AND (j.config ->> 'mat_hypertable_id')::integer = {aggregate}
        )
    )
)
