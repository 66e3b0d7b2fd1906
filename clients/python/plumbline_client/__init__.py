"""Plumbline from Python: what models were served on a day, and on-demand features over rows, in Spark and without."""

from .on_demand import ComputeError, compute, compute_in_spark
from .served import Served, served

__all__ = ["ComputeError", "Served", "compute", "compute_in_spark", "served"]
