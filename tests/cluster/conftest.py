"""Counting what reaches the database."""

from tests.http.conftest import query_counter

__all__ = ["query_counter"]
