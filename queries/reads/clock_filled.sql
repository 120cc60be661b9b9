-- A materialised view does not say when it was filled: its newest bucket may have been open then, and
-- what is before it was not.
least(now() - :grace::interval, (SELECT max(bucket)::timestamptz FROM {view}))
