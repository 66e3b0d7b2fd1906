"""Asks a sidecar over gRPC with Triton's own client and with the stubs that Feast generates of its service.

stdin:  {"host": "host:port", "tensors": [{"model", "inputs": [{"name", "datatype", "values": [text, ..]}],
          "outputs": [name, ..]?, "timeout": seconds?}], "features": [{"service" or "features", "entities": {key: [..]}}]}
stdout: {"live", "ready", "server", "model", "tensors": [{"id", "version", "tensors": {name: {"dtype", "shape", "hex"}}}
          or {"status", "message"}], "features": [{"names", "columns": [{"kinds", "values", "statuses", "seconds"}]}
          or {"status", "message"}], "version"}
"""

import base64
import json
import sys

import grpc
import numpy as np
import tritonclient.grpc as triton
from feast.protos.feast.serving import ServingService_pb2 as serving
from feast.protos.feast.serving.ServingService_pb2_grpc import ServingServiceStub
from feast.protos.feast.types.Value_pb2 import RepeatedValue, Value
from tritonclient.utils import InferenceServerException

DTYPES = {"INT64": np.int64, "INT32": np.int32, "BYTES": np.object_}


def tensor(spec):
    datatype = spec["datatype"]
    values = spec["values"] if datatype == "BYTES" else [int(text) for text in spec["values"]]
    array = np.array(values, dtype=DTYPES[datatype])
    result = triton.InferInput(spec["name"], list(array.shape), datatype)
    result.set_data_from_numpy(array)
    return result


def infer(client, request):
    outputs = request.get("outputs") and [triton.InferRequestedOutput(name) for name in request["outputs"]]
    try:
        result = client.infer(
            request["model"],
            [tensor(spec) for spec in request["inputs"]],
            outputs=outputs,
            request_id="r1",
            client_timeout=request.get("timeout", 20),
        )
    except InferenceServerException as error:
        return {"status": error.status(), "message": error.message()}
    response = result.get_response()
    tensors = {}
    for output in response.outputs:
        array = result.as_numpy(output.name)
        tensors[output.name] = {
            "dtype": str(array.dtype),
            "shape": list(array.shape),
            "hex": array.tobytes().hex(),
        }
    return {"id": response.id, "version": response.model_version, "tensors": tensors}


def value_of(key):
    return Value(string_val=key) if isinstance(key, str) else Value(int64_val=key)


def shown(value):
    kind = value.WhichOneof("val")
    if kind is None:
        return None
    plain = getattr(value, kind)
    if kind == "bytes_val":
        return base64.b64encode(plain).decode()
    if kind.endswith("_list_val"):
        # JSON has no NaN.
        return ["NaN" if item != item else item for item in plain.val]
    # JavaScript rounds integers past 2^53.
    return str(plain) if kind == "int64_val" else plain


def features(stub, request):
    asked = {"feature_service": request["service"]} if "service" in request else {}
    if "features" in request:
        asked["features"] = serving.FeatureList(val=request["features"])
    entities = {
        name: RepeatedValue(val=[value_of(key) for key in keys]) for name, keys in request["entities"].items()
    }
    message = serving.GetOnlineFeaturesRequest(entities=entities, full_feature_names=True, **asked)
    try:
        response = stub.GetOnlineFeatures(message, timeout=20)
    except grpc.RpcError as error:
        return {"status": error.code().name, "message": error.details()}
    columns = [
        {
            "kinds": [value.WhichOneof("val") for value in vector.values],
            "values": [shown(value) for value in vector.values],
            "statuses": [serving.FieldStatus.Name(status) for status in vector.statuses],
            "seconds": [time.seconds for time in vector.event_timestamps],
        }
        for vector in response.results
    ]
    return {"names": list(response.metadata.feature_names.val), "columns": columns}


def main():
    job = json.load(sys.stdin)
    client = triton.InferenceServerClient(job["host"])
    stub = ServingServiceStub(grpc.insecure_channel(job["host"]))
    report = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "server": client.get_server_metadata(as_json=True),
        "model": {
            "ready": client.is_model_ready("looks"),
            "metadata": client.get_model_metadata("looks", as_json=True),
        },
        "tensors": [infer(client, request) for request in job["tensors"]],
        "features": [features(stub, request) for request in job["features"]],
        "version": stub.GetFeastServingInfo(serving.GetFeastServingInfoRequest()).version,
    }
    json.dump(report, sys.stdout)


main()
