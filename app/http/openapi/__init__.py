"""The description of the HTTP interface: OpenAPI 3.1, held against the routes by a test."""
