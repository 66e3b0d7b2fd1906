"""Feast's own materialize of a Parquet file into its online store; prints the seconds that it took.

stdin: {"folder", "source", "features"}; `folder` holds a feature_store.yaml
"""

import json
import sys
import time
from datetime import datetime, timedelta, timezone

from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.types import Float64, Int64
from feast.value_type import ValueType


def main():
    job = json.load(sys.stdin)
    store = FeatureStore(repo_path=job["folder"])
    entity = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.INT64)
    source = FileSource(
        name="rows",
        path=job["source"],
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )
    view = FeatureView(
        name="stats",
        entities=[entity],
        schema=[Field(name="customer_id", dtype=Int64), *(Field(name=f, dtype=Float64) for f in job["features"])],
        source=source,
        ttl=timedelta(0),
    )
    store.apply([entity, view])
    now = datetime.now(timezone.utc)
    began = time.monotonic()
    store.materialize(now - timedelta(days=1), now)
    print(time.monotonic() - began)


main()
