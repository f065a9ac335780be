"""Tiny databases in MaxMind's format, so that what reads them can be shown some.

Source: "MaxMind DB File Format Specification" 2.0 (maxmind.github.io/MaxMind-DB). Records are 24 bits wide; IPv4
networks lie under ::/96 in a tree of IPv6. A network may not lie within another.
"""

from __future__ import annotations

import ipaddress
from typing import Any

MARKER = b"\xab\xcd\xefMaxMind.com"
_TEXT, _DOUBLE, _UINT16, _UINT32, _MAP, _UINT64, _ARRAY = 2, 3, 5, 6, 7, 9, 11


class Uint(int):
    """A number that says how many bytes its type has: 2, 4 or 8."""

    size: int

    def __new__(cls, value: int, size: int) -> Uint:
        number = super().__new__(cls, value)
        number.size = size
        return number


def database(records: dict[str, Any], version: int = 6, kind: str = "Test") -> bytes:
    """A database of what to say of each network, searched by addresses of this version and, in one of 6, of IPv4."""
    nodes: list[list[int | bytes | None]] = [[None, None]]
    for text, said in records.items():
        _insert(nodes, _bits(text, version), encoded(said))
    data = b""
    tree = b""
    for node in nodes:
        for record in node:
            value = record
            if isinstance(record, bytes):
                value = len(nodes) + 16 + len(data)
                data += record
            tree += int(len(nodes) if value is None else value).to_bytes(3, "big")
    said = {
        "node_count": Uint(len(nodes), 4),
        "record_size": Uint(24, 2),
        "ip_version": Uint(version, 2),
        "database_type": kind,
        "languages": ["en"],
        "binary_format_major_version": Uint(2, 2),
        "binary_format_minor_version": Uint(0, 2),
        "build_epoch": Uint(1_790_000_000, 8),
        "description": {"en": "made for a test"},
    }
    return tree + bytes(16) + data + MARKER + encoded(said)


def encoded(value: Any) -> bytes:
    """A value of the data section: a text, a `Uint`, a list or a map of these."""
    if isinstance(value, str):
        return _control(_TEXT, len(value.encode())) + value.encode()
    if isinstance(value, Uint):
        kind = {2: _UINT16, 4: _UINT32, 8: _UINT64}[value.size]
        return _control(kind, value.size) + value.to_bytes(value.size, "big")
    if isinstance(value, list):
        return _control(_ARRAY, len(value)) + b"".join(encoded(each) for each in value)
    pairs = b"".join(encoded(name) + encoded(each) for name, each in value.items())
    return _control(_MAP, len(value)) + pairs


def _control(kind: int, size: int) -> bytes:
    """The byte, or bytes, that say a value's type and size."""
    more = b""
    if size >= 29:
        assert size < 29 + 256
        size, more = 29, bytes([size - 29])
    return (bytes([kind << 5 | size]) if kind <= 7 else bytes([size, kind - 7])) + more


def _bits(text: str, version: int) -> list[int]:
    network = ipaddress.ip_network(text)
    width = 32 if version == 4 else 128
    length = network.prefixlen + (width - network.max_prefixlen)
    number = int(network.network_address)
    return [number >> (width - 1 - place) & 1 for place in range(length)]


def _insert(nodes: list[list[int | bytes | None]], bits: list[int], said: bytes) -> None:
    at = 0
    for bit in bits[:-1]:
        below = nodes[at][bit]
        assert not isinstance(below, bytes), "a network within another"
        if below is None:
            nodes.append([None, None])
            below = nodes[at][bit] = len(nodes) - 1
        at = below
    nodes[at][bits[-1]] = said
