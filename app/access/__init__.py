"""Who may see and do what: decisions alone, without a web framework."""
