"""What the client and the asynchronous one have in common beside the bytes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

from .errors import NoSidecar
from .http11 import Address
from .online import OnlineFeatures, Schema

GRACE_S = 0.05
"""Behind its deadline the sidecar still answers, with UNAVAILABLE: so long it is waited for."""
IDLE_S = 9.0
"""A sidecar ends connections that were idle for 10 s."""
RETRY_PAUSE_S = 0.02
"""After a refused connection: a sidecar that starts anew opens its port meanwhile, or does not."""


class Known:
    """The schema of each service, as it was told last."""

    def __init__(self) -> None:
        self._schemas: dict[str, Schema] = {}

    def of(self, service: str) -> Schema | None:
        return self._schemas.get(service)

    def keep(self, service: str, schema: Schema) -> Schema:
        self._schemas[service] = schema
        return schema


def headers_of(deadline: float | None, request_id: str | None) -> Mapping[str, str]:
    headers = {}
    if deadline is not None:
        if not deadline > 0:
            raise ValueError(f"a deadline is a number of seconds above 0, got {deadline!r}")
        headers["x-deadline-ms"] = f"{deadline * 1_000:.3f}".rstrip("0").rstrip(".")
    if request_id is not None:
        headers["x-request-id"] = request_id
    return headers


def tell_deprecated(answer: OnlineFeatures) -> OnlineFeatures:
    """Warns of what will go; Python shows each such warning once."""
    for one in answer.metadata.get("deprecated", ()):
        instead = "" if one["successor"] is None else f"; use {one['successor']}"
        told = f"{one['what']} {one['name']} is deprecated from {one['date']} on{instead}"
        warnings.warn(told, DeprecationWarning, stacklevel=3)
    return answer


def nothing_answers(address: Address, error: OSError) -> NoSidecar:
    return NoSidecar(f"nothing answers at {address} ({error.strerror or error}): is `plumb serve` running there?")


def closed_early(address: Address) -> NoSidecar:
    return NoSidecar(f"{address} closed the connection twice before it answered")
