"""The URLs of the contract."""
