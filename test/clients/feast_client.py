"""Asks a remote online store with Feast's own client.

stdin:  a list of jobs {"folder", "definitions", "requests": [..]}, each request one of
          {"features": ["view:feature", ..] or "service": name, "entities": {key: [..]}, "rows": bool, "full": bool}
          {"read": view, "features": [..], "key": name, "values": [..]}
stdout: for each job one answer a request: {"names", "columns": [{"values", "kinds", "statuses"}]}, or {"error", "message"}
"""

import json
import sys

from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.type_map import feast_value_type_to_python_type, python_values_to_proto_values
from feast.value_type import ValueType

from feast_repo import apply, plain


def ask(store, request):
    wanted = request.get("features")
    if "service" in request:
        wanted = store.get_feature_service(request["service"])
    entities = request["entities"]
    if request.get("rows"):
        entities = [dict(zip(entities, row)) for row in zip(*entities.values())]
    response = store.get_online_features(
        features=wanted, entity_rows=entities, full_feature_names=request.get("full", False)
    )
    values = response.to_dict()
    names = list(response.proto.metadata.feature_names.val)
    columns = [
        {
            "values": plain(values[name]),
            "kinds": [value.WhichOneof("val") for value in vector.values],
            "statuses": [FieldStatus.Name(status) for status in vector.statuses],
        }
        for name, vector in zip(names, response.proto.results)
    ]
    return {"names": names, "columns": columns}


def read(store, request):
    """What Feast calls where it knows the types: values by their declared type, with the row's event time."""
    view = store.get_feature_view(request["read"])
    kind = ValueType.STRING if isinstance(request["values"][0], str) else ValueType.INT64
    keys = [
        EntityKey(join_keys=[request["key"]], entity_values=[value])
        for value in python_values_to_proto_values(request["values"], kind)
    ]
    rows = store._get_provider().online_read(store.config, view, keys, request["features"])
    columns = []
    for name in request["features"]:
        protos = [features[name] for _, features in rows]
        columns.append(
            {
                "values": [plain(feast_value_type_to_python_type(value)) for value in protos],
                "kinds": [value.WhichOneof("val") for value in protos],
                "statuses": [],
            }
        )
    return {"names": request["features"], "columns": columns, "time": plain(rows[0][0])}


def answer(store, request):
    try:
        return read(store, request) if "read" in request else ask(store, request)
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


def main():
    answers = []
    for job in json.load(sys.stdin):
        store = apply(job["folder"], job["definitions"])
        answers.append([answer(store, request) for request in job["requests"]])
    json.dump(answers, sys.stdout)


main()
