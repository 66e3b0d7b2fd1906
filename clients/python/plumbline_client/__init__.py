"""Plumbline from Python: online features, training sets, what models were served, on-demand features over rows."""

from .aio import AsyncClient
from .client import Client
from .errors import DeadlineExceeded, FeatureError, NoSidecar, Overloaded
from .historical import HistoricalFeatures, TrainError, get_historical_features
from .on_demand import ComputeError, compute, compute_in_spark
from .online import OnlineFeatures, Schema
from .routing import Router
from .served import Served, served

__all__ = [
    "AsyncClient",
    "Client",
    "ComputeError",
    "DeadlineExceeded",
    "FeatureError",
    "HistoricalFeatures",
    "NoSidecar",
    "OnlineFeatures",
    "Overloaded",
    "Router",
    "Schema",
    "Served",
    "TrainError",
    "compute",
    "compute_in_spark",
    "get_historical_features",
    "served",
]
