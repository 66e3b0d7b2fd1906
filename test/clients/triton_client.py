"""Asks a sidecar for tensors with Triton's own HTTP client.

stdin:  {"host": "host:port", "models": [name, ..], "requests": [
          {"model", "inputs": [{"name", "datatype", "values": [text, ..], "columns": 1?}], "outputs": [name, ..]?, "binary"}]}
stdout: {"live", "ready", "server", "models": [{"ready", "metadata"?}], "answers": [
          {"id", "version", "tensors": {name: {"dtype", "shape", "hex"}}} or {"status", "message"}]}
"""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

DTYPES = {"INT64": np.int64, "INT32": np.int32, "BYTES": np.object_}


def tensor(spec, binary):
    datatype = spec["datatype"]
    values = spec["values"] if datatype == "BYTES" else [int(text) for text in spec["values"]]
    array = np.array(values, dtype=DTYPES[datatype])
    if spec.get("columns"):
        array = array.reshape(-1, 1)
    result = triton.InferInput(spec["name"], list(array.shape), datatype)
    result.set_data_from_numpy(array, binary_data=binary)
    return result


def answer(client, request):
    binary = request["binary"]
    # Without a list Triton's client asks for every output as bytes.
    outputs = request.get("outputs") and [
        triton.InferRequestedOutput(name, binary_data=binary) for name in request["outputs"]
    ]
    try:
        result = client.infer(
            request["model"],
            [tensor(spec, binary) for spec in request["inputs"]],
            outputs=outputs,
            request_id="r1",
        )
    except InferenceServerException as error:
        return {"status": error.status(), "message": error.message()}
    response = result.get_response()
    tensors = {}
    for output in response["outputs"]:
        array = result.as_numpy(output["name"])
        tensors[output["name"]] = {
            "dtype": str(array.dtype),
            "shape": list(array.shape),
            "hex": array.tobytes().hex(),
        }
    return {"id": response["id"], "version": response["model_version"], "tensors": tensors}


def model(client, name):
    ready = client.is_model_ready(name)
    return {"ready": ready, "metadata": client.get_model_metadata(name)} if ready else {"ready": ready}


def main():
    job = json.load(sys.stdin)
    client = triton.InferenceServerClient(job["host"])
    report = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "server": client.get_server_metadata(),
        "models": [model(client, name) for name in job["models"]],
        "answers": [answer(client, request) for request in job["requests"]],
    }
    json.dump(report, sys.stdout)


main()
