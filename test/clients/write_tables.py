"""Writes a shop's invoices into a Delta and an Iceberg table, on this machine or in object storage.

stdin:  {"step": "first" | "later" | "joined", "delta": place, "iceberg": place, "catalogue": folder,
         "rows": Parquet file, "s3": {"endpoint", "key", "secret"} | null}
        first: both tables are made of the rows; later: the rows are added; joined: small files become one, a row goes
stdout: {"metadata": the path of the Iceberg table's newest state}
"""

import json
import os
import sys

# The fake S3 does not read checksums that trail a body.
os.environ["AWS_REQUEST_CHECKSUM_CALCULATION"] = "when_required"

import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog

asked = json.load(sys.stdin)
s3 = asked["s3"]
storage = None
properties = {}
if s3 is not None:
    storage = {
        "AWS_ENDPOINT_URL": s3["endpoint"],
        "AWS_ACCESS_KEY_ID": s3["key"],
        "AWS_SECRET_ACCESS_KEY": s3["secret"],
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
        "aws_conditional_put": "etag",
    }
    properties = {
        "s3.endpoint": s3["endpoint"],
        "s3.access-key-id": s3["key"],
        "s3.secret-access-key": s3["secret"],
        "s3.region": "us-east-1",
    }

catalogue = SqlCatalog("test", uri="sqlite:///" + asked["catalogue"] + "/catalogue.db", warehouse=asked["iceberg"], **properties)
rows = pq.read_table(asked["rows"])
step = asked["step"]
if step == "first":
    write_deltalake(asked["delta"], rows, storage_options=storage)
    catalogue.create_namespace("shop")
    table = catalogue.create_table("shop.invoices", schema=rows.schema, location=asked["iceberg"] + "/invoices")
    table.append(rows)
else:
    table = catalogue.load_table("shop.invoices")
    if step == "later":
        write_deltalake(asked["delta"], rows, mode="append", storage_options=storage)
        table.append(rows)
    else:
        delta = DeltaTable(asked["delta"], storage_options=storage)
        delta.delete("invoice_no = 'i39'")
        delta.optimize.compact()
        table.delete("invoice_no = 'i39'")
print(json.dumps({"metadata": catalogue.load_table("shop.invoices").metadata_location}))
