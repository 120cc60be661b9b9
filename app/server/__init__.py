"""Serving: sockets, connections with Hypercorn's protocols, and detached sockets as subscribers."""
