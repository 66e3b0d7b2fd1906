"""A Feast repository that mirrors a project's definitions, and values as JSON that keeps their types.

Definitions come as JSON: {"entities": [{"name", "key", "type"}], "views": [{"name", "entity", "features":
[{"name", "type"}]}], "services": [{"name", "views": [..]}]}, with types as Plumbline writes them.
"""

import base64
from datetime import datetime, timedelta

from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource
from feast.types import (
    Array,
    Bool,
    Bytes,
    Float32,
    Float64,
    Int32,
    Int64,
    String,
    UnixTimestamp,
)
from feast.value_type import ValueType

SCALARS = {
    "bool": Bool,
    "int32": Int32,
    "int64": Int64,
    "float32": Float32,
    "float64": Float64,
    "string": String,
    "bytes": Bytes,
    "timestamp": UnixTimestamp,
}


def feast_type(text):
    if text.startswith("list<"):
        return Array(feast_type(text[len("list<") : -1]))
    if text.startswith("embedding("):
        return Array(Float32)
    return SCALARS[text]


def apply(folder, definitions):
    """Applies the definitions with Feast's own Python API; `folder` holds a feature_store.yaml."""
    store = FeatureStore(repo_path=folder)
    entities = {
        entity["name"]: Entity(
            name=entity["name"],
            join_keys=[entity["key"]],
            value_type=ValueType.STRING if entity["type"] == "string" else ValueType.INT64,
        )
        for entity in definitions["entities"]
    }
    keys = {entity["name"]: entity for entity in definitions["entities"]}
    views = {}
    for view in definitions["views"]:
        key = keys[view["entity"]]
        # Nothing reads this source: the values are online. Feast demands one.
        source = FileSource(name=f"{view['name']}_source", path="unused.parquet", timestamp_field="event_time")
        views[view["name"]] = FeatureView(
            name=view["name"],
            entities=[entities[view["entity"]]],
            schema=[
                Field(name=key["key"], dtype=feast_type(key["type"])),
                *(Field(name=f["name"], dtype=feast_type(f["type"])) for f in view["features"]),
            ],
            source=source,
            ttl=timedelta(0),
        )
    services = [
        FeatureService(name=service["name"], features=[views[name] for name in service["views"]])
        for service in definitions["services"]
    ]
    store.apply([*entities.values(), *views.values(), *services])
    return store


def plain(value):
    """A Python value as JSON: integers and floats are told apart and lose no digit."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    raise TypeError(f"no JSON for a {type(value).__name__}")
