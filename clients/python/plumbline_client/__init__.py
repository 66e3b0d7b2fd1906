"""Plumbline from Python: what models were served on a day, with a status for each value."""

from .served import Served, served

__all__ = ["Served", "served"]
