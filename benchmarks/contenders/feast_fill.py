"""A Feast repository with the views of the benchmark's project and the same doubles, for Feast's own server.

stdin: {"folder", "service", "entity", "key", "views": {name: [feature, ..]}, "customers"}; `folder` holds a feature_store.yaml
"""

import json
import sys
from datetime import datetime, timedelta, timezone

from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Float64, Int64
from feast.value_type import ValueType

CUSTOMERS_A_BATCH = 500


def value_of(customer_id, view, feature):
    """As `valueOf` of project.ts has it."""
    return (feature + 1) * 17.85 + customer_id / 3 + view


def rows_of(job, view, features, customers):
    event_time = datetime.now(timezone.utc) - timedelta(hours=1)
    for customer in customers:
        key = EntityKey(join_keys=[job["key"]], entity_values=[Value(int64_val=customer)])
        values = {name: Value(double_val=value_of(customer, view, f)) for f, name in enumerate(features)}
        yield key, values, event_time, event_time


def main():
    job = json.load(sys.stdin)
    store = FeatureStore(repo_path=job["folder"])
    entity = Entity(name=job["entity"], join_keys=[job["key"]], value_type=ValueType.INT64)
    views = [
        FeatureView(
            name=name,
            entities=[entity],
            schema=[Field(name=job["key"], dtype=Int64), *(Field(name=f, dtype=Float64) for f in features)],
            # Nothing reads this source: the values are online. Feast demands one.
            source=FileSource(name=f"{name}_source", path="unused.parquet", timestamp_field="event_time"),
            ttl=timedelta(0),
        )
        for name, features in job["views"].items()
    ]
    store.apply([entity, *views, FeatureService(name=job["service"], features=views)])
    for v, (name, features) in enumerate(job["views"].items()):
        view = store.get_feature_view(name)
        for start in range(1, job["customers"] + 1, CUSTOMERS_A_BATCH):
            customers = range(start, min(start + CUSTOMERS_A_BATCH, job["customers"] + 1))
            rows = list(rows_of(job, v, features, customers))
            store._get_provider().online_write_batch(store.config, view, rows, None)


main()
