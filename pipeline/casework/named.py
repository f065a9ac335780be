"""What people call things, told beside what the log calls them; see `pipeline.names`."""

from __future__ import annotations

from typing import Any

from pipeline.names import Names


def tell(facts: dict[str, Any], names: Names) -> dict[str, Any]:
    """The facts of a case with names: in sentences behind ids, `network_name` of networks, `owner` of links."""
    if names == Names():
        return facts
    for each in facts["summary"]:
        each["text"] = names.told(each["text"])
    for each in facts["related"]["networks"]:
        found = names.network(each["source_network"])
        each["network_name"] = found[0] if found else None
    for each in facts["identity"]:
        each["owner"] = names.owner(each["principal_arn"])
        each["text"] = names.told(each["text"])
    return facts
