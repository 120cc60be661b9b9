"""Where numbers come from: the database, its schema, and what feeds it."""
