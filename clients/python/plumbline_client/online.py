"""A request for online features as bytes, and its answer as Python has it; no connection in here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .errors import refusal
from .feature_types import NUMBERS, FeatureType
from .http11 import HttpAnswer

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Rows = Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]]
"""Entities: a mapping a row, or a list a join key."""

NATIVE_PATH = "/feature-service/get-online-features"
_STATUSES = ("PRESENT", "NULL", "MISSING", "OUTSIDE_TTL", "UNAVAILABLE")
_SCALAR_TENSORS = {"bool": "BOOL", "int32": "INT32", "int64": "INT64", "float32": "FP32", "float64": "FP64"}


@dataclass(frozen=True)
class Schema:
    """What a sidecar tells of a service: the join keys, inputs and features with their types, in its order."""

    service: str
    version: int
    bundle: str
    keys: Mapping[str, FeatureType]
    inputs: Mapping[str, FeatureType]
    features: Mapping[str, FeatureType]
    tensor: str
    """Of what `to_numpy` gives: "float32" or "float64"."""

    @staticmethod
    def path(service: str) -> str:
        return f"/feature-service/{quote(service, safe='')}"

    @staticmethod
    def read(answer: HttpAnswer) -> Schema:
        told = _json(answer)

        def types(items: Sequence[Mapping[str, str]]) -> dict[str, FeatureType]:
            return {one["name"]: FeatureType.parse(one["type"]) for one in items}

        return Schema(
            told["feature_service"],
            told["service_version"],
            told["bundle"],
            types(told["join_keys"]),
            types(told["context"]),
            types(told["features"]),
            told["tensor"],
        )

    @property
    def numbers(self) -> list[str]:
        """The features that stand in the matrix of `to_numpy`."""
        return [name for name, of in self.features.items() if of.kind in NUMBERS]


@dataclass(frozen=True)
class OnlineFeatures:
    """The vectors that were answered: a row an entity, in the order in which they were asked for.

    A value stands beside its status. With MISSING, OUTSIDE_TTL and UNAVAILABLE it is the feature's fallback.
    """

    schema: Schema
    keys: Mapping[str, Sequence[Any]]
    values: Mapping[str, Sequence[Any]]
    """Of each feature, under its full name, a value a row. Asked for as tensors: numbers, embeddings and lists alone,
    null and what is missing without a fallback as NaN."""
    status: Mapping[str, Sequence[str]]
    """Of each feature and row PRESENT, NULL, MISSING, OUTSIDE_TTL or UNAVAILABLE."""
    metadata: Mapping[str, Any]
    """`request_id`, `bundle`, `latency_ms`, `oldest_age_ms` and what the sidecar adds."""
    matrix: memoryview[Any] | None = None
    """Asked for as tensors: the numbers, row by row."""

    @property
    def age(self) -> timedelta | None:
        """Since the oldest event time of the rows; None: there was none."""
        oldest = self.metadata.get("oldest_age_ms")
        return None if oldest is None else timedelta(milliseconds=oldest)

    @property
    def request_id(self) -> str:
        """Under which the vectors are in the log: keep it beside the prediction for `plumb train --from-log`."""
        return str(self.metadata["request_id"])

    def __len__(self) -> int:
        columns = self.keys or self.values
        return len(next(iter(columns.values()))) if columns else 0

    def to_dict(self) -> dict[str, list[Any]]:
        """Keys and features, a list each, times as datetimes and bytes as bytes."""
        return {name: list(column) for name, column in {**self.keys, **self.values}.items()}

    def to_numpy(self, name: str | None = None) -> np.ndarray[Any, Any]:
        """The features that are numbers as a matrix [rows, n], in the order of the service; NaN where there is none.

        name  an embedding or a list of one length in its place, as [rows, length] of float32
        """
        import numpy as np

        if name is not None:
            length = max((len(row) for row in self.values[name] if row is not None), default=0)
            rows = [[np.nan] * length if row is None else row for row in self.values[name]]
            return np.array(rows, dtype=np.float32).reshape(len(self), length)
        names = self.schema.numbers
        if self.matrix is not None:
            return np.frombuffer(self.matrix, dtype=self.schema.tensor).reshape(len(self), len(names))
        made = np.full((len(self), len(names)), np.nan, dtype=self.schema.tensor)
        for place, number in enumerate(names):
            column = [np.nan if one is None else one for one in self.values[number]]
            # JSON has the shortest text of a float32: as a double it would be another number.
            narrow = self.schema.features[number].kind == "float32"
            made[:, place] = np.array(column, dtype=np.float32 if narrow else None)
        return made

    def to_arrow(self) -> pa.Table:
        """Keys and features with the types of the service."""
        import pyarrow as pa

        types = {**self.schema.keys, **self.schema.features}
        columns = {**self.keys, **self.values}
        if self.matrix is not None:
            return pa.table({name: pa.array(column) for name, column in columns.items()})
        return pa.table({name: pa.array(column, types[name].arrow()) for name, column in columns.items()})

    def to_df(self) -> Any:
        """A pandas frame. Integers and booleans with a null are pandas' own nullable ones, so that no digit is lost."""
        import pandas as pd

        columns = {}
        types = {**self.schema.keys, **self.schema.features}
        for name, column in self.to_dict().items():
            kind = types[name].kind if self.matrix is None or name in self.keys else "tensor"
            columns[name] = pd.Series(column, dtype=_pandas_type(kind, None in column))
        return pd.DataFrame(columns)

    def to_polars(self) -> Any:
        import polars as pl

        return pl.from_arrow(self.to_arrow())


def _pandas_type(kind: str, has_null: bool) -> str | None:
    """None: pandas chooses."""
    if kind in ("int32", "int64"):
        return kind.capitalize() if has_null else kind
    if kind == "bool":
        return "boolean" if has_null else "bool"
    if kind == "timestamp":
        return "datetime64[us, UTC]"
    return {"float32": "float32", "float64": "float64", "tensor": None}.get(kind, "object")


@dataclass(frozen=True)
class OnlineRequest:
    """What is asked for, and how its answer is read."""

    service: str
    columns: Mapping[str, Sequence[Any]]
    context: Mapping[str, Any]
    as_tensors: bool

    @staticmethod
    def of(service: str, rows: Rows, context: Mapping[str, Any] | None, as_tensors: bool) -> OnlineRequest:
        """Raises ValueError for lists of different lengths."""
        if isinstance(rows, Mapping):
            columns = {name: list(column) for name, column in rows.items()}
        else:
            names = list(dict.fromkeys(name for row in rows for name in row))
            columns = {name: [row.get(name) for row in rows] for name in names}
        if len({len(column) for column in columns.values()}) > 1:
            told = ", ".join(f"{name} has {len(column)}" for name, column in columns.items())
            raise ValueError(f"each join key needs one value a row: {told}")
        return OnlineRequest(service, columns, context or {}, as_tensors)

    @property
    def path(self) -> str:
        return f"/v2/models/{quote(self.service, safe='')}/infer" if self.as_tensors else NATIVE_PATH

    def body(self, schema: Schema | None) -> bytes:
        """schema  for tensors"""
        if not self.as_tensors:
            asked = {"feature_service": self.service, "entities": self.columns}
            return _text({**asked, "context": self.context} if self.context else asked)
        assert schema is not None
        keys = [_key_tensor(name, column, schema) for name, column in self.columns.items()]
        inputs = [_input_tensor(name, given, schema.inputs.get(name)) for name, given in self.context.items()]
        return _text({"inputs": [*keys, *inputs], "parameters": {"binary_data_output": True}})

    def answered(self, answer: HttpAnswer) -> Answered:
        """Raises FeatureError where there was a refusal."""
        return Answered(self, answer, _json(answer))


@dataclass(frozen=True)
class Answered:
    """An answer that came; `features` makes its values once the types are known."""

    request: OnlineRequest
    answer: HttpAnswer
    told: Any

    @property
    def bundle(self) -> str:
        """Which bundle answered."""
        return str((self.told["parameters"] if self.request.as_tensors else self.told["metadata"])["bundle"])

    def features(self, schema: Schema) -> OnlineFeatures:
        """schema  of the bundle that answered"""
        if self.request.as_tensors:
            return _read_tensors(self, schema)
        return _read_rows(self.told, schema)


def _read_rows(told: Any, schema: Schema) -> OnlineFeatures:
    rows = told["results"]
    first = rows[0] if rows else {"entities": {}, "features": {}}
    types = {**schema.keys, **schema.features}

    def column(part: str, name: str) -> list[Any]:
        of = types.get(name)
        given = [row[part].get(name) for row in rows]
        return given if of is None else [of.value(one) for one in given]

    return OnlineFeatures(
        schema,
        {name: column("entities", name) for name in first["entities"]},
        {name: column("features", name) for name in first["features"]},
        {name: [row["statuses"][name] for row in rows] for name in first["features"]},
        told["metadata"],
    )


def _read_tensors(answered: Answered, schema: Schema) -> OnlineFeatures:
    told, answer = answered.told, answered.answer
    at = int(answer.headers["inference-header-content-length"])
    tensors: dict[str, tuple[Sequence[int], memoryview[Any]]] = {}
    for output in told["outputs"]:
        size = output["parameters"]["binary_data_size"]
        tensors[output["name"]] = (output["shape"], _numbers(answer.body[at : at + size], output["datatype"]))
        at += size
    numbers = schema.numbers
    matrix: memoryview[Any] = tensors["features"][1] if numbers else memoryview(b"")
    others = [name for name in tensors if name not in ("features", "status")]
    values: dict[str, Sequence[Any]] = {name: matrix[i :: len(numbers)].tolist() for i, name in enumerate(numbers)}
    for name in others:
        (rows, length), flat = tensors[name]
        values[name] = [flat[i * length : (i + 1) * length].tolist() for i in range(rows)]
    columns = [*numbers, *others]
    codes = tensors["status"][1]
    status = {name: [_STATUSES[code] for code in codes[i :: len(columns)].tolist()] for i, name in enumerate(columns)}
    return OnlineFeatures(schema, answered.request.columns, values, status, told["parameters"], matrix)


def _numbers(part: bytes, datatype: str) -> memoryview[Any]:
    if datatype == "FP64":
        return memoryview(part).cast("d")
    return memoryview(part).cast("f") if datatype == "FP32" else memoryview(part)


def _key_tensor(name: str, column: Sequence[Any], schema: Schema) -> dict[str, Any]:
    of = schema.keys.get(name)
    datatype = "BYTES" if of is None else _SCALAR_TENSORS.get(of.kind, "BYTES")
    return {"name": name, "datatype": datatype, "shape": [len(column)], "data": list(column)}


def _input_tensor(name: str, given: Any, of: FeatureType | None) -> dict[str, Any]:
    """An input as a tensor: one value that stands for all rows, or one a row."""
    kind = "" if of is None else of.kind
    item = "float32" if kind == "embedding" else of.of.kind if of is not None and kind == "list" and of.of else kind
    if kind in ("list", "embedding") and item in _SCALAR_TENSORS:
        rows = given if len(given) > 0 and isinstance(given[0], list | tuple) else [given]
        shape, data = [len(rows), len(rows[0])], [one for row in rows for one in row]
        return {"name": name, "datatype": _SCALAR_TENSORS[item], "shape": shape, "data": data}
    rows = list(given) if isinstance(given, list | tuple) else [given]
    if kind not in _SCALAR_TENSORS:
        rows = [one if isinstance(one, str) else _text(one).decode().strip('"') for one in rows]
    datatype = _SCALAR_TENSORS.get(kind, "BYTES")
    return {"name": name, "datatype": datatype, "shape": [len(rows)], "data": rows}


def _text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    """Numbers of numpy, times and bytes, as the sidecar takes them."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode()
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no value of a request: {value!r}")


def _json(answer: HttpAnswer) -> Any:
    if answer.status != 200:
        raise refusal(answer)
    length = answer.headers.get("inference-header-content-length")
    return json.loads(answer.body if length is None else answer.body[: int(length)])
