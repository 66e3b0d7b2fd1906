"""Asks a sidecar with the Python client, in every form.

stdin:  {"site": the folder into which the client was installed, "url", "socket", "silent": address of a port that takes connections and answers nothing,
         "half": of one that ends in mid-answer, "closing": of one that ends each connection behind one answer, once
         before its first}
stdout: what came, as JSON
"""

import asyncio
import json
import sys
import threading
import time
import warnings

asked = json.load(sys.stdin)
sys.path.insert(0, asked["site"])

import numpy as np  # noqa: E402
from plumbline_client import AsyncClient, Client, DeadlineExceeded, FeatureError, NoSidecar, Router  # noqa: E402

ROWS = [{"customer_id": 1001}, {"customer_id": 9}]
CONTEXT = {"cart_value": [30.5, 7.25], "coupon": ["SAVE10", None]}
found = {}


def said(call):
    try:
        call()
    except (FeatureError, NoSidecar, DeadlineExceeded, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return "taken"


with Client(asked["url"], deadline=5) as client:
    answer = client.get_online_features("cart_v1", ROWS, context=CONTEXT, request_id="python-1")
    found["dict"] = answer.to_dict()
    found["status"] = answer.status
    found["requestId"] = answer.request_id
    found["hasAge"] = answer.age is not None and answer.age.total_seconds() > 0
    found["types"] = {name: str(of) for name, of in answer.to_df().dtypes.items()}
    found["arrow"] = {field.name: str(field.type) for field in answer.to_arrow().schema}
    found["polars"] = answer.to_polars().shape
    columns = {"customer_id": [1001, 9]}
    tensors = client.get_online_features("cart_v1", columns, context=CONTEXT, as_tensors=True)
    found["sameNumbers"] = answer.to_numpy().tobytes() == tensors.to_numpy().tobytes()
    found["matrix"] = [tensors.to_numpy().shape, str(tensors.to_numpy().dtype)]
    found["tensorStatus"] = tensors.status
    # Numbers of numpy are numbers.
    many = client.get_online_features("cart_v1", {"customer_id": np.arange(1001, 1006)}, context={"cart_value": np.float64(3)})
    found["many"] = len(many)
    found["refused"] = [
        said(lambda: client.get_online_features("cart", ROWS)),
        said(lambda: client.get_online_features("cart", ROWS, as_tensors=True)),
        said(lambda: client.get_online_features("cart_v1", [{"customer_id": "x"}], context={"cart_value": 1})),
        said(lambda: client.get_online_features("cart_v1", {"customer_id": [1001, None]}, context={"cart_value": 1})),
        said(lambda: client.get_online_features("cart_v1", ROWS)),
        said(lambda: client.get_online_features("cart_v1", {"customer_id": [1, 2], "other": [1]})),
        said(lambda: client.get_online_features("cart_v1", ROWS, context=CONTEXT, deadline=0)),
        said(lambda: client.get_online_features("cart_v1", ROWS, context=CONTEXT, request_id="ä")),
    ]
    # Behind a refusal the connection is whole.
    found["after"] = len(client.get_online_features("cart_v1", ROWS, context=CONTEXT))

    counts = []

    def ask_often():
        for _ in range(50):
            counts.append(client.get_online_features("cart_v1", ROWS, context=CONTEXT).to_dict() == found["dict"])

    threads = [threading.Thread(target=ask_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found["threads"] = [len(counts), all(counts)]

servers = [f"pod-{i}" for i in range(50)]
whole, fewer = Router(servers), Router(servers[1:])
picked = [whole.pick(i) for i in range(20_000)]
shares = [picked.count(name) / 400 for name in servers]
found["router"] = {
    "movedOfOthers": sum(name not in ("pod-0", fewer.pick(i)) for i, name in enumerate(picked)),
    "evenly": min(shares) > 0.6 and max(shares) < 1.6,
    "inAnyOrder": all(Router(reversed(servers)).pick(i) == picked[i] for i in range(100)),
    "ofNumpy": whole.pick(np.int64(17)) == picked[17],
    "first": picked[0],
    "refused": [said(lambda: Router([])), said(lambda: whole.pick())],
}

found["refused"] += [
    said(lambda: Client("http://127.0.0.1:1").schema("cart_v1")),
    said(lambda: Client(f"unix:{asked['socket']}.none").schema("cart_v1")),
    said(lambda: Client("https://there").schema("cart_v1")),
    said(lambda: Client(asked["half"], deadline=5).get_online_features("cart_v1", ROWS)).replace(asked["half"], "URL"),
]
began = time.monotonic()
found["late"] = said(lambda: Client(asked["silent"], deadline=0.1).get_online_features("cart_v1", ROWS)).replace(
    asked["silent"], "URL"
)
found["lateAfter"] = 0.1 <= time.monotonic() - began < 5
with Client(asked["closing"], deadline=5) as client:
    found["closing"] = [client.schema("cart_v1").version for _ in range(3)]
with Client(f"unix:{asked['socket']}") as client:
    found["socket"] = client.get_online_features("cart_v1", ROWS, context=CONTEXT).to_dict() == found["dict"]


async def asynchronous():
    async with AsyncClient(asked["url"], deadline=5) as client:
        calls = [client.get_online_features("cart_v1", ROWS, context=CONTEXT) for _ in range(20)]
        answers = await asyncio.gather(*calls)
        numbers = await client.get_online_features("cart_v1", ROWS, context=CONTEXT, as_tensors=True)
        same = all(one.to_dict() == found["dict"] for one in answers)
    late = AsyncClient(asked["silent"], deadline=0.1)
    with warnings.catch_warnings():
        try:
            await late.get_online_features("cart_v1", ROWS)
            told = "taken"
        except DeadlineExceeded as error:
            told = str(error).replace(asked["silent"], "URL")
    async with AsyncClient(asked["closing"], deadline=5) as client:
        versions = [(await client.schema("cart_v1")).version for _ in range(3)]
    return [same, numbers.to_numpy().tobytes() == tensors.to_numpy().tobytes(), told, versions]


found["asynchronous"] = asyncio.run(asynchronous())
print(json.dumps(found, default=str))
