"""Frames of the Python client under the pandas that is installed.

stdin:  {"client": the folder of the package, "url" of a sidecar, "project", "plumb": the command as words}
stdout: what came, as JSON
"""

import json
import sys

asked = json.load(sys.stdin)
sys.path.insert(0, asked["client"])

import pandas as pd  # noqa: E402
from plumbline_client import Client, get_historical_features  # noqa: E402

with Client(asked["url"], deadline=5) as client:
    rows = [{"customer_id": 1001}, {"customer_id": 9}]
    answer = client.get_online_features("cart_v1", rows, context={"cart_value": [30.5, 7.25]})
    frame = answer.to_df()

labels = pd.DataFrame(
    {
        "customer_id": [1001, 1002],
        "event_timestamp": pd.to_datetime(["2025-06-25T10:00:00Z", "2025-06-25T11:00:00.000001Z"], format="ISO8601"),
        "cart_value": [30.5, 7.25],
        "coupon": ["SAVE10", None],
    }
)
made = get_historical_features(labels, "cart_v1", project=asked["project"], plumb=asked["plumb"])
trained = made.to_df()
found = {
    "pandas": pd.__version__.split(".")[0],
    "types": {name: str(of) for name, of in frame.dtypes.items()},
    "text": str(trained["coupon"].dtype),
    "hasCoupon": trained["basket__has_coupon"].tolist(),
    "timesKept": trained["event_timestamp"].tolist() == labels["event_timestamp"].tolist(),
    "sameAsArrow": frame["purchases__average_14d"].tolist()[:1] == answer.to_arrow()["purchases__average_14d"].to_pylist()[:1],
}
print(json.dumps(found))
