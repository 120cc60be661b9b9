"""The demo's input: the machine it runs on, and a business that is simulated and marked so."""
