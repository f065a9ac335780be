"""Service last-accessed data: a job a principal, made, waited for and read, many at once.

GenerateServiceLastAccessedDetails begins a job, GetServiceLastAccessedDetails is asked until it is COMPLETED (IAM API
reference). ACTION_LEVEL gives the management actions of the services that report them as well.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

from pipeline.access.collect.asking import Refused
from pipeline.access.collect.families import PAGE, Family

AT_ONCE = 24  # jobs at once; most of them wait
JOBS = 3  # for one principal
POLLS, FIRST_POLL, LONGEST_POLL = 40, 0.3, 15.0


_GET = "GetServiceLastAccessedDetails"
Pages = list[tuple[str, dict[str, Any], dict[str, Any]]]


def last_accessed(family: Family, told: Callable[[int, int], None]) -> None:
    """Every user's and role's data; `told` hears how many of how many principals are through."""
    principals = _principals(family)
    wanted = [arn for arn in principals if arn not in family.file.done]
    lock, done = Lock(), len(principals) - len(wanted)
    told(done, len(principals))

    def one(arn: str) -> None:
        nonlocal done
        if pages := _job(family, arn):
            family.file.append(pages)
        with lock:
            done += 1
            told(done, len(principals))

    family.each(one, wanted, AT_ONCE)


def _principals(family: Family) -> list[str]:
    found = []
    for operation, member in (("ListUsers", "Users"), ("ListRoles", "Roles")):
        for _, page in family.asker.pages("iam", operation, {"MaxItems": PAGE}):
            found += [each["Arn"] for each in page.get(member) or []]
    return found


def _job(family: Family, arn: str) -> Pages:
    """The pages of one principal's data; none where it is gone, or where its jobs fail, which is lacking."""
    failure = ""
    for _ in range(JOBS):
        try:
            begun = family.asker.ask(
                "iam", "GenerateServiceLastAccessedDetails", {"Arn": arn, "Granularity": "ACTION_LEVEL"}
            )
        except Refused as error:
            if error.code == "NoSuchEntity":  # deleted meanwhile
                return []
            raise
        try:
            pages = _waited(family, begun["JobId"])
        except Refused as error:
            # A job belongs to the session that began it, and a role's session ends while this goes on.
            if error.code != "NoSuchEntity":
                raise
            failure = str(error)
            continue
        status = pages[0][1].get("JobStatus")
        if status == "COMPLETED":
            return [(_GET, {**given, "Arn": arn}, answer) for given, answer in pages]
        failure = (pages[0][1].get("Error") or {}).get("Message") or f"the job is {status}"
    family.lacking.append(f"last-accessed data of {arn}: {failure}")
    return []


def _waited(family: Family, job: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """All pages of the job once it is through, else its last answer."""
    for attempt in range(POLLS):
        pages = list(family.asker.pages("iam", _GET, {"JobId": job, "MaxItems": PAGE}))
        if pages[0][1].get("JobStatus") != "IN_PROGRESS":
            break
        family.asker.pause(min(FIRST_POLL * 1.7**attempt, LONGEST_POLL))
    return pages
