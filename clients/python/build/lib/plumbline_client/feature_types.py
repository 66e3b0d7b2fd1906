"""Types of features as a service's schema names them, and their values from JSON."""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

NUMBERS = frozenset({"int32", "int64", "float32", "float64"})
_TOKENS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\d+|\S")


@dataclass(frozen=True)
class FeatureType:
    """Such as `int64`, `list<string>`, `map<float64>`, `embedding(8)`, `struct<a: int32, b: bool>`."""

    kind: str
    of: FeatureType | None = None
    """Of lists and maps."""
    size: int = 0
    """Of embeddings."""
    fields: tuple[tuple[str, FeatureType], ...] = ()
    """Of structs."""

    @staticmethod
    def parse(text: str) -> FeatureType:
        tokens = _TOKENS.findall(text)
        found = _parse(tokens)
        if tokens:
            raise ValueError(f"{text!r} is no type of a feature")
        return found

    def value(self, given: Any) -> Any:
        """What JSON has for it, as Python has it: times, bytes, and numbers that JSON lacks."""
        if given is None:
            return None
        match self.kind:
            case "timestamp":
                return dt.datetime.fromisoformat(given.replace("Z", "+00:00"))
            case "bytes":
                return base64.b64decode(given)
            case "float32" | "float64":
                return float(given)
            case "list":
                return [self._of.value(one) for one in given]
            case "map":
                return {name: self._of.value(one) for name, one in given.items()}
            case "struct":
                return {name: of.value(given.get(name)) for name, of in self.fields}
            case _:
                return given

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        scalars: dict[str, Callable[[], pa.DataType]] = {
            "bool": pa.bool_,
            "int32": pa.int32,
            "int64": pa.int64,
            "float32": pa.float32,
            "float64": pa.float64,
            "string": pa.string,
            "bytes": pa.binary,
            "timestamp": lambda: pa.timestamp("us", tz="UTC"),
            "embedding": lambda: pa.list_(pa.float32(), self.size),
            "list": lambda: pa.list_(self._of.arrow()),
            "map": lambda: pa.map_(pa.string(), self._of.arrow()),
            "struct": lambda: pa.struct([(name, of.arrow()) for name, of in self.fields]),
        }
        return scalars[self.kind]()

    @property
    def _of(self) -> FeatureType:
        assert self.of is not None
        return self.of


def _parse(tokens: list[str]) -> FeatureType:
    """Takes a type off the front of the tokens."""
    kind = _take(tokens)
    if kind in ("list", "map"):
        _take(tokens, "<")
        of = _parse(tokens)
        _take(tokens, ">")
        return FeatureType(kind, of)
    if kind == "embedding":
        _take(tokens, "(")
        size = int(_take(tokens))
        _take(tokens, ")")
        return FeatureType(kind, size=size)
    if kind == "struct":
        fields = []
        separator = "<"
        while separator != ">":
            _take(tokens, separator)
            name = _take(tokens)
            _take(tokens, ":")
            fields.append((name, _parse(tokens)))
            separator = tokens[0] if tokens and tokens[0] in ",>" else ">"
        _take(tokens, ">")
        return FeatureType(kind, fields=tuple(fields))
    return FeatureType(kind)


def _take(tokens: list[str], expected: str | None = None) -> str:
    found = tokens.pop(0) if tokens else ""
    if found == "" or expected not in (None, found):
        raise ValueError(f"expected {expected or 'the name of a type'}, got {found or 'the end'}")
    return found
