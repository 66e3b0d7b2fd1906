"""Which of many model servers to ask for an entity, so that its rows are in the cache of the sidecar there."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable
from hashlib import blake2b

_POINTS = 128


class Router:
    """Picks the server of an entity: the same one in every process, as long as the servers are the same.

    Each sidecar caches by itself. Where any server takes any request, each of a thousand sees an entity so seldom
    that its row is seldom cached; where the entity picks the server, its row is read by one of them alone
    (docs/benchmarks/fleet.md has figures). It is a hint: another server answers the same, only later.

    A ring of 128 points a server (consistent hashing): a server that comes or goes moves its own share of the
    entities, and no others. An entity that takes much of all traffic takes it to one server: send such ones anywhere.
    """

    def __init__(self, servers: Iterable[str]) -> None:
        """:param servers: their addresses, or any names, in any order; at least one"""
        points = sorted({(_point(f"{name}\0{i}"), name) for name in servers for i in range(_POINTS)})
        if not points:
            raise ValueError("a router needs at least one server, got none")
        self._points = [point for point, _ in points]
        self._names = [name for _, name in points]

    def pick(self, *entity: int | str) -> str:
        """:param entity: the join keys of the request's entity, in an order of your own, always the same one

        :returns: one of the servers
        """
        if not entity:
            raise ValueError("pick needs the join keys of an entity, got none")
        keys = (f"text {key}" if isinstance(key, str) else f"number {int(key)}" for key in entity)
        at = bisect(self._points, _point("\0".join(keys)))
        return self._names[at % len(self._names)]


def _point(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
