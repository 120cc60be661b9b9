-- Our own tokens: which screens there are, which tickets were used, and what was revoked.
-- Compared with clock_timestamp(), because they are as old as they are whatever is published.

-- name: create_tokens#
CREATE TABLE IF NOT EXISTS kpi_tokens (
    id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('session', 'ticket', 'screen')),
    name text,
    until timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at timestamptz
);

-- name: create_secrets#
-- Whoever may read this can make tokens; nobody but the owner may unless told so.
CREATE TABLE IF NOT EXISTS kpi_secrets (
    name text PRIMARY KEY,
    value text NOT NULL
);

-- name: secret$
-- Made by the first who asks; two that ask at once get the same.
WITH made AS (
    INSERT INTO kpi_secrets VALUES ('tokens', :fresh) ON CONFLICT (name) DO NOTHING RETURNING value
)
SELECT coalesce((SELECT value FROM made), (SELECT value FROM kpi_secrets WHERE name = 'tokens'));

-- name: forget_expired!
DELETE FROM kpi_tokens WHERE until < clock_timestamp() - interval '1 hour';

-- name: spend$
-- Revoke a token; true for the first who does, so that a ticket is used once.
INSERT INTO kpi_tokens AS t (id, kind, until, revoked_at)
VALUES (:id, :kind, to_timestamp(:until), clock_timestamp())
ON CONFLICT (id) DO UPDATE SET revoked_at = excluded.revoked_at WHERE t.revoked_at IS NULL
RETURNING true;

-- name: revoked
SELECT id FROM kpi_tokens
WHERE kind <> 'ticket' AND revoked_at IS NOT NULL AND until > clock_timestamp();

-- name: add_screen!
INSERT INTO kpi_tokens (id, kind, name, until) VALUES (:id, 'screen', :name, to_timestamp(:until));

-- name: revoke_screens
UPDATE kpi_tokens SET revoked_at = clock_timestamp()
WHERE kind = 'screen' AND name = :name AND revoked_at IS NULL AND until > clock_timestamp()
RETURNING id;

-- name: screens
SELECT name, created_at, until, revoked_at FROM kpi_tokens
WHERE kind = 'screen' AND until > clock_timestamp()
ORDER BY name, created_at;
