"""A run of MLflow that says of what a model was trained: the training set, its manifest, the service and its version.

PLUMBLINE_PROJECT=/srv/shop python mlflow_run.py labels.csv

The labels have the join keys of the service, `event_timestamp` and `label`. MLFLOW_TRACKING_URI says where runs are.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from typing import Any

import mlflow
import numpy as np

from plumbline_client import get_historical_features

SERVICE = "rank_v1"
PROJECT = os.environ.get("PLUMBLINE_PROJECT", ".")
PLUMB = shlex.split(os.environ.get("PLUMB", "plumb"))


def train(labels: str) -> str:
    """Returns the run's id."""
    with mlflow.start_run() as run:
        # The run's id stands in the registry, and the set's manifest in the run: each leads to the other.
        name = f"{SERVICE}-{run.info.run_id}"
        made = get_historical_features(labels, SERVICE, project=PROJECT, name=name, plumb=PLUMB)
        manifest = manifest_of(name)
        mlflow.log_params({"feature_service": SERVICE, "training_set": name, "rows": len(made)})
        mlflow.log_dict(manifest, "training-set.json")
        mlflow.log_text(made.note, "plumb-train.txt")

        frame = made.to_df()
        columns = [column for column in frame.columns if "__" in column]
        features = np.nan_to_num(frame[columns].to_numpy(dtype=float))
        weights, *_ = np.linalg.lstsq(features, frame["label"].to_numpy(dtype=float), rcond=None)
        error = float(np.sqrt(np.mean((features @ weights - frame["label"].to_numpy(dtype=float)) ** 2)))
        mlflow.log_metric("rmse", error)
        # What serving has to bring, in this order: the service's own.
        mlflow.log_dict({"features": columns, "weights": weights.tolist()}, "model.json")
        return str(run.info.run_id)


def manifest_of(name: str) -> dict[str, Any]:
    """What the registry keeps of a training set: definitions, as-of rule, a sketch of each feature."""
    command = [*PLUMB, "-C", PROJECT, "--json", "training", "show", name]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    manifest: dict[str, Any] = json.loads(shown.stdout)
    return manifest


if __name__ == "__main__":
    print(train(sys.argv[1]))
