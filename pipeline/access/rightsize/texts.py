"""Texts of policies and names on their way out; a snapshot is somebody else's file and may hold anything."""

from __future__ import annotations

import json
import re

# What JSON leaves as it is and a terminal may obey: delete, C1 controls, marks of direction.
_MARKS = [*range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_ESCAPES = {code: f"\\u{code:04x}" for code in _MARKS}


def pretty(value: object) -> str:
    """JSON for reading, with a last line end; characters that could drive a terminal are escaped."""
    return json.dumps(value, indent=2, ensure_ascii=False).translate(_ESCAPES) + "\n"


def plain(line: str) -> str:
    """One line without control characters."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in line)


def hcl(value: object) -> str:
    """A JSON value as an expression of HCL, which reads JSON's but for its template marks and two escapes.

    Source: "HCL Native Syntax Specification", template expressions and quoted strings.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False).translate(_ESCAPES)
    text = text.replace("${", "$${").replace("%{", "%%{")
    return re.sub(r"\\(.)", lambda found: {"b": "\\u0008", "f": "\\u000c"}.get(found[1], found[0]), text)


def label(text: str, taken: set[str], fits: str = r"[^A-Za-z0-9_-]", most: int = 100) -> str:
    """A name made of what fits only, begun by a letter, unlike all that are `taken`; adds it to them."""
    stem = re.sub(fits, "_" if "_" in fits else "", text)[:most]
    stem = stem if stem[:1].isalpha() else f"policy{stem}"
    found, number = stem, 1
    while found.lower() in taken:
        number += 1
        found = f"{stem}{number}"
    taken.add(found.lower())
    return found
