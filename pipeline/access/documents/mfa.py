"""MFA devices that are somebody's: ListVirtualMFADevices and ListMFADevices.

A virtual device that is assigned to nobody protects nobody and is left out. The root user's hardware device is in
neither answer: only the account summary's AccountMFAEnabled tells of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.access.documents.shapes import Answer, Item, Refuse, account_of, listed, mapping, text
from pipeline.errors import SnapshotError

FAMILY = "mfa"
KINDS = ("mfa_device",)
OPERATIONS = ("ListVirtualMFADevices", "ListMFADevices")

_LISTS = {"ListVirtualMFADevices": "VirtualMFADevices", "ListMFADevices": "MFADevices"}


def recognise(value: dict[str, Any], source: str) -> list[Answer]:
    """The answer that this JSON value is, none where it is no such answer."""
    return [Answer(operation, value, source) for operation, member in _LISTS.items() if member in value]


def state(answers: Sequence[Answer]) -> str:
    """Files cannot show that every user was asked."""
    return "partial"


def items(answers: Sequence[Answer], refuse: Refuse) -> Iterator[Item]:
    """One item a device: {"SerialNumber", "UserName" (null: the root user), "EnableDate", "Virtual"}."""
    seen: set[str] = set()
    for answer in answers:
        member = _LISTS[answer.operation]
        try:
            for number, each in enumerate(listed(answer.value, member, answer.source)):
                found = _device(mapping(each), answer, f"{answer.source}#{member}[{number}]")
                if found and found.item["SerialNumber"] not in seen:  # a virtual device is in both answers
                    seen.add(found.item["SerialNumber"])
                    yield found
        except SnapshotError as error:
            refuse(error)


def _device(given: dict[str, Any], answer: Answer, place: str) -> Item | None:
    serial = text(given, "SerialNumber", place)
    if answer.operation == "ListMFADevices":
        name: str | None = text(given, "UserName", place)
    else:
        user = mapping(given.get("User"))
        if not user:
            return None
        root = str(user.get("Arn", "")).endswith(":root")
        name = None if root else text(user, "UserName", place)
    # A virtual device's serial number is an ARN of type mfa; a hardware device has a number, a passkey an ARN of
    # type u2f (AWS: "Identifying MFA devices": MFADevice, API reference).
    virtual = serial.startswith("arn:") and serial.split(":", 5)[-1].startswith("mfa/")
    item = {"SerialNumber": serial, "UserName": name, "EnableDate": given.get("EnableDate"), "Virtual": virtual}
    return Item("mfa_device", account_of(serial), serial if serial.startswith("arn:") else None,
                serial.rpartition("/")[2], item, answer.source)  # fmt: skip
