"""The same training set by Feast: a repository over one Parquet file, then get_historical_features.

    feast_join.py apply FOLDER HISTORY FEATURES TTL_SECONDS
    feast_join.py join FOLDER LABELS OUT FEATURES
"""

import sys
from datetime import timedelta

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.types import Float64, Int64
from feast.value_type import ValueType

action, folder = sys.argv[1:3]
store = FeatureStore(repo_path=folder)
if action == "apply":
    history, features, ttl = sys.argv[3:]
    driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
    source = FileSource(
        name="stats_source", path=history, timestamp_field="event_timestamp", created_timestamp_column="created"
    )
    schema = [Field(name="driver_id", dtype=Int64), *(Field(name=f, dtype=Float64) for f in features.split(","))]
    view = FeatureView(
        name="stats", entities=[driver], schema=schema, source=source, ttl=timedelta(seconds=int(ttl))
    )
    store.apply([driver, view])
else:
    labels, out, features = sys.argv[3:]
    wanted = [f"stats:{name}" for name in features.split(",")]
    joined = store.get_historical_features(entity_df=pd.read_parquet(labels), features=wanted)
    joined.to_df().to_parquet(out)
