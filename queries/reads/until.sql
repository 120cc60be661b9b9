CASE
    WHEN :zone::text IS NULL THEN date_bin(:step::interval, {clock}, '1970-01-01T00:00:00Z')
    ELSE date_trunc(:unit::text, {clock}, :zone::text)
END
