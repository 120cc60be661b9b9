-- Leaves the database as CREATE EXTENSION timescaledb left it, sequences of its catalog apart.
DO $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY(
        SELECT format('DROP MATERIALIZED VIEW IF EXISTS %I.%I CASCADE', view_schema, view_name)
        FROM timescaledb_information.continuous_aggregates
    ) LOOP
        EXECUTE statement;
    END LOOP;
    PERFORM delete_job(job_id) FROM timescaledb_information.jobs WHERE job_id >= 1000;
    FOREACH statement IN ARRAY ARRAY(
        SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace
        WHERE oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e')
            AND nspname !~ '^(pg_|information_schema$|public$)'
        UNION ALL
        SELECT
            format(
                'DROP %s IF EXISTS %s CASCADE',
                CASE relkind
                    WHEN 'v' THEN 'VIEW'
                    WHEN 'm' THEN 'MATERIALIZED VIEW'
                    WHEN 'S' THEN 'SEQUENCE'
                    ELSE 'TABLE'
                END,
                oid::regclass
            )
        FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
            AND oid NOT IN (SELECT objid FROM pg_depend WHERE deptype IN ('e', 'a', 'i'))
        UNION ALL
        SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
            AND oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e')
        UNION ALL
        SELECT format('DROP TYPE IF EXISTS %s CASCADE', oid::regtype) FROM pg_type
        WHERE typnamespace = 'public'::regnamespace AND typtype IN ('c', 'd', 'e')
            AND typrelid NOT IN (SELECT oid FROM pg_class WHERE relkind <> 'c')
            AND oid NOT IN (SELECT objid FROM pg_depend WHERE deptype IN ('e', 'i'))
    ) LOOP
        EXECUTE statement;
    END LOOP;
END
$$;
