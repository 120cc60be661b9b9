"""The Quart application: routes, problems, and what a request may see."""
