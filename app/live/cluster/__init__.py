"""Publisher and gateways apart, with Redis between them."""
