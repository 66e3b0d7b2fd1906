"""Makes arrow-streams.json: one column in each layout of Arrow that `plumb compute` reads or refuses, as pyarrow writes it.

    python test/golden/arrow-streams.py > test/golden/arrow-streams.json      # pyarrow 26.0.1
"""

import base64
import datetime as dt
import decimal
import json

import pyarrow as pa

NAN, INF = float("nan"), float("inf")


def stream(*arrays, **options):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([("x", arrays[0].type)]), options=pa.ipc.IpcWriteOptions(**options)) as out:
        for array in arrays:
            out.write_batch(pa.record_batch([array], names=["x"]))
    return base64.b64encode(sink.getvalue().to_pybytes()).decode()


def case(type, *arrays, **options):
    return {"type": type, "stream": stream(*arrays, **options)}


def times(unit, *values):
    return pa.array(values, pa.int64()).cast(pa.timestamp(unit, None if unit == "ns" else "Europe/Paris"))


bad_text = pa.Array.from_buffers(pa.utf8(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff")])
floats = pa.list_(pa.float32())
streams = {
    "bool": case("bool", pa.array([True, None, False, True, True, True, True, True, False, True])),
    "int8": case("int32", pa.array([-128, None, 127], pa.int8())),
    "uint16": case("int32", pa.array([0, None, 65535], pa.uint16())),
    "int32": case("int32", pa.array([-(2**31), None, 2**31 - 1], pa.int32())),
    "uint32": case("int64", pa.array([0, None, 2**32 - 1], pa.uint32())),
    "int64": case("int64", pa.array([-(2**63), None, 2**63 - 1], pa.int64())),
    "uint64": case("int64", pa.array([0, None, 2**64 - 1], pa.uint64())),
    "float32": case("float32", pa.array([-0.0, None, 0.1, NAN, INF], pa.float32())),
    "float64": case("float64", pa.array([-0.0, None, 0.1, NAN, -INF, 5e-324])),
    "string": case("string", pa.array(["", None, "\ufeffé\0", "\U0001f600"])),
    "large_string": case("string", pa.array(["a", None, "bc"], pa.large_string())),
    "bytes": case("bytes", pa.array([b"", None, b"\0\xff"])),
    "large_binary": case("bytes", pa.array([b"\1", None, b"\2\3"], pa.large_binary())),
    "timestamp_s": case("timestamp", times("s", 1, None, -1)),
    "timestamp_ms": case("timestamp", times("ms", 1, None, -1)),
    "timestamp_us": case("timestamp", times("us", 1, None, -1)),
    "timestamp_ns": case("timestamp", times("ns", 1000, None, -1000)),
    "list": case("list<int64>", pa.array([[1, None], None, [], [2]])),
    "large_list": case("list<string>", pa.array([["a"], None, [None, "b"]], pa.large_list(pa.string()))),
    "fixed_list": case("list<int32>", pa.array([[1, 2], None, [3, None]], pa.list_(pa.int32(), 2))),
    "embedding": case("embedding(2)", pa.array([[1, -0.0], None, [0.5, 2]], pa.list_(pa.float32(), 2))),
    "embedding_of_list": case("embedding(2)", pa.array([[1, -0.0], None], floats)),
    "map": case(
        "map<float64>",
        pa.array([[("b", 1.5), ("a", None)], None, []], pa.map_(pa.string(), pa.float64())),
    ),
    "struct": case(
        "struct<a: int32, b: list<string>>",
        pa.array(
            [{"a": 1, "b": ["x"]}, None, {"a": None, "b": None}],
            pa.struct([("b", pa.list_(pa.string())), ("a", pa.int32())]),
        ),
    ),
    "nulls": case("map<int64>", pa.nulls(2)),
    "sliced": case("list<string>", pa.array([["a", "b"], None, ["c"], ["d", "e"]]).slice(2)),
    "two_batches": case("int64", pa.array([1, 2]), pa.array([], pa.int64()), pa.array([3])),
    "dictionary": case("string", pa.array(["a", "b", "a"]).dictionary_encode()),
    "decimal": case("float64", pa.array([decimal.Decimal("1.5")])),
    "date": case("timestamp", pa.array([dt.date(2026, 1, 1)])),
    "compressed": case("int64", pa.array(range(1000)), compression="zstd"),
    "time_between": case("timestamp", times("ns", 1001)),
    "time_past": case("timestamp", times("s", 2**60)),
    "map_twice": case("map<int32>", pa.array([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int32()))),
    "embedding_short": case("embedding(2)", pa.array([[1]], floats)),
    "embedding_null": case("embedding(2)", pa.array([[1, None]], floats)),
    "no_utf8": case("string", bad_text),
}
print(json.dumps(streams, indent=2))
