"""Fills Feast's own online store with given rows, for Feast's own server to serve.

stdin: {"folder", "definitions", "files": {view: Parquet with the key, event_time, created_time and the features}}
"""

import json
import math
import sys

import pyarrow.parquet as parquet
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import python_values_to_proto_values

from feast_repo import apply

FLOATS = {"Float32": "float_val", "Float64": "double_val"}


def protos_of(field, values):
    protos = python_values_to_proto_values(values, field.dtype.to_value_type())
    kind = FLOATS.get(str(field.dtype))
    # Feast's conversion takes a NaN for a null, its server does not.
    return [
        Value(**{kind: value}) if kind and value is not None and math.isnan(value) else proto
        for value, proto in zip(values, protos)
    ]


def rows_of(store, view, file):
    columns = parquet.read_table(file).to_pydict()
    protos = {
        field.name: protos_of(field, columns[field.name])
        for field in [*view.features, *view.entity_columns]
    }
    keys = [column.name for column in view.entity_columns]
    for row, event_time in enumerate(columns["event_time"]):
        key = EntityKey(join_keys=keys, entity_values=[protos[name][row] for name in keys])
        features = {field.name: protos[field.name][row] for field in view.features}
        yield key, features, event_time, columns["created_time"][row]


def main():
    job = json.load(sys.stdin)
    store = apply(job["folder"], job["definitions"])
    for name, file in job["files"].items():
        view = store.get_feature_view(name)
        store._get_provider().online_write_batch(store.config, view, list(rows_of(store, view, file)), None)


main()
