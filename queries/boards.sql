-- Boards that a team shares. A change is a new version, a deletion one without a definition: nothing
-- that somebody made is ever overwritten.

-- name: create_boards#
CREATE TABLE IF NOT EXISTS kpi_boards (
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,59}$'),
    version integer NOT NULL CHECK (version > 0),
    name text NOT NULL,
    definition jsonb,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text,
    PRIMARY KEY (slug, version)
);

-- name: all_boards
SELECT slug, version, name, updated_at, updated_by
FROM (SELECT DISTINCT ON (slug) * FROM kpi_boards ORDER BY slug, version DESC) AS newest
WHERE definition IS NOT NULL
ORDER BY lower(name), slug
LIMIT :most;

-- name: newest_board^
SELECT slug, version, name, definition::text AS definition, updated_at, updated_by
FROM kpi_boards
WHERE slug = :slug
ORDER BY version DESC
LIMIT 1;

-- name: board_version^
SELECT slug, version, name, definition::text AS definition, updated_at, updated_by
FROM kpi_boards
WHERE slug = :slug AND version = :version;

-- name: board_versions
SELECT slug, version, name, updated_at, updated_by
FROM kpi_boards
WHERE slug = :slug AND definition IS NOT NULL
ORDER BY version DESC
LIMIT :most;

-- name: newest_versions
SELECT slug, max(version) AS version
FROM kpi_boards
WHERE slug = ANY(:slugs::text[])
GROUP BY slug;

-- name: add_board_version$
-- Nothing where somebody else has added that version meanwhile.
INSERT INTO kpi_boards (slug, version, name, definition, updated_by)
VALUES (:slug, :version, :name, :definition::text::jsonb, :updated_by)
ON CONFLICT DO NOTHING
RETURNING version;
