"""IAM's limits on the size and number of policies, and a policy parted so as to keep them.

Source: "IAM and AWS STS quotas" (AWS IAM User Guide): characters without white space; inline policies count
together for each user, role or group.
"""

from __future__ import annotations

from typing import Any

from pipeline.access.rightsize.rewrite import one, size

MANAGED = 6144
INLINE = {"user": 2048, "role": 10240, "group": 5120}
# Managed policies on one user, role or group; a quota that AWS raises to 20 when asked.
ATTACHED = 10


def parted(document: dict[str, Any], limit: int = MANAGED) -> list[dict[str, Any]]:
    """The document as few documents none of which is over the limit; statements are cut between their actions only.

    A single statement that no cut of its actions makes small enough stays over the limit.
    """
    frame = {name: value for name, value in document.items() if name not in ("Statement", "Id")}
    room = limit - size({**frame, "Statement": []})
    found: list[list[dict[str, Any]]] = [[]]
    left = room
    for statement in document["Statement"]:
        for piece in _pieces(statement, room):
            need = size(piece) + 1
            if need > left and found[-1]:
                found.append([])
                left = room
            found[-1].append(piece)
            left -= need
    return [{**frame, "Statement": each} for each in found]


def _pieces(statement: dict[str, Any], room: int) -> list[dict[str, Any]]:
    actions = statement.get("Action")
    if size(statement) < room or not isinstance(actions, list):
        return [statement]
    space = room - size({**statement, "Action": []}) - 1
    made: list[list[str]] = [[]]
    left = space
    for action in actions:
        if size(action) + 1 > left and made[-1]:
            made.append([])
            left = space
        made[-1].append(action)
        left -= size(action) + 1
    return [{**statement, "Action": one(each)} for each in made]
