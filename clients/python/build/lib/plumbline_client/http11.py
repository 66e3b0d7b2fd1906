"""HTTP/1.1 as a sidecar speaks it: one request at a time on a connection, and an answer that tells its length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_PORT = 6566
_HEAD_END = b"\r\n\r\n"
_HEAD_MAX = 64 * 1024


@dataclass(frozen=True)
class Address:
    """Where a sidecar answers: a host and a port, or the path of a unix socket."""

    host: str
    port: int
    socket: str | None = None

    @staticmethod
    def of(url: str) -> Address:
        """url  "http://127.0.0.1:6566" or "unix:/run/plumbline/features.sock"; raises ValueError for others"""
        if url.startswith("unix:"):
            return Address("localhost", 0, url.removeprefix("unix:").removeprefix("//"))
        split = urlsplit(url if "://" in url else f"http://{url}")
        if split.scheme != "http" or not split.hostname or split.path not in ("", "/"):
            raise ValueError(f"expected http://HOST:PORT or unix:/PATH, got {url!r}")
        return Address(split.hostname, split.port or DEFAULT_PORT)

    def __str__(self) -> str:
        return f"unix:{self.socket}" if self.socket else f"http://{self._authority}"

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.socket else f"{host}:{self.port}"

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """The bytes of a request, head and body as one: they leave in one segment."""
        lines = [f"{method} {path} HTTP/1.1", f"host: {self._authority}", f"content-length: {len(body)}"]
        if body:
            lines.append("content-type: application/json")
        lines += [f"{name}: {_header(name, value)}" for name, value in headers.items()]
        return "\r\n".join(lines).encode("latin-1") + _HEAD_END + body


def _header(name: str, value: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise ValueError(f"{name} takes printable ASCII, got {value!r}")
    return value


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes

    @property
    def is_last(self) -> bool:
        """Whether the connection ends behind it."""
        return self.headers.get("connection", "").lower() == "close"


class AnswerReader:
    """Collects the bytes of one answer."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._head: tuple[int, dict[str, str], int] | None = None

    @property
    def has_begun(self) -> bool:
        return len(self._bytes) > 0

    def feed(self, part: bytes) -> HttpAnswer | None:
        """None: more is to come. Raises ValueError for what is no answer of a sidecar."""
        self._bytes += part
        if self._head is None:
            end = self._bytes.find(_HEAD_END)
            if end == -1:
                if len(self._bytes) > _HEAD_MAX:
                    raise ValueError("what answers is no sidecar: its head has no end")
                return None
            self._head = (*_parse_head(bytes(self._bytes[:end])), end + len(_HEAD_END))
        status, headers, start = self._head
        end = start + int(headers["content-length"])
        return HttpAnswer(status, headers, bytes(self._bytes[start:end])) if len(self._bytes) >= end else None


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
        raise ValueError(f"what answers is no sidecar: {first[:80]!r}")
    if not headers.get("content-length", "").isdigit():
        raise ValueError("what answers is no sidecar: it does not tell how long its answer is")
    return int(parts[1]), headers
