"""Sends the inputs of on-demand views with Triton's HTTP client and with Feast's own remote online store.

stdin:  {"host": "host:port", "folder": a Feast repository, "model": service}
stdout: {"triton": {"features", "status"}, "feast": {name: [value, ..]}}
"""

import json
import sys

import numpy as np
import tritonclient.http as triton
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.types import Float64, Int64, String
from feast.value_type import ValueType

ROWS = {"customer_id": [1, 1], "cart": [50.0, -12.5], "big": [4, 9007199254740000], "city": ["Paris", "é"]}
DTYPES = {"customer_id": np.int64, "cart": np.float64, "big": np.int64, "city": np.object_, "tags": np.object_}
DATATYPES = {"customer_id": "INT64", "cart": "FP64", "big": "INT64", "city": "BYTES", "tags": "BYTES"}


def ask_triton(job):
    client = triton.InferenceServerClient(job["host"])
    inputs = []
    for name, values in {**ROWS, "tags": [["a", "b"]]}.items():
        array = np.array(values, dtype=DTYPES[name])
        tensor = triton.InferInput(name, list(array.shape), DATATYPES[name])
        # In bytes and in JSON, by turns.
        tensor.set_data_from_numpy(array, binary_data=len(inputs) % 2 == 0)
        inputs.append(tensor)
    result = client.infer(job["model"], inputs)
    return {name: result.as_numpy(name).tolist() for name in ("features", "status")}


def ask_feast(job):
    store = FeatureStore(repo_path=job["folder"])
    kinds = {
        "customer_id": ValueType.INT64,
        "cart": ValueType.DOUBLE,
        "big": ValueType.INT64,
        "city": ValueType.STRING,
    }
    entities = [Entity(name=name, join_keys=[name], value_type=kind) for name, kind in kinds.items()]
    view = FeatureView(
        name="trip",
        entities=entities,
        schema=[
            Field(name="ratio", dtype=Float64),
            Field(name="points", dtype=Int64),
            Field(name="label", dtype=String),
        ],
        source=FileSource(name="trip_source", path="unused.parquet", timestamp_field="event_time"),
    )
    store.apply([*entities, view])
    rows = [dict(zip(ROWS, values)) for values in zip(*ROWS.values())]
    response = store.get_online_features(
        features=["trip:ratio", "trip:points", "trip:label"], entity_rows=rows
    ).to_dict()
    return {name: response[name] for name in ("ratio", "points", "label")}


job = json.load(sys.stdin)
json.dump({"triton": ask_triton(job), "feast": ask_feast(job)}, sys.stdout)
