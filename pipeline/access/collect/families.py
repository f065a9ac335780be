"""What each family of an account is asked by; every answer goes to the family's file as it comes.

A call that AWS refuses costs what it would have told and no more. What a family needs before anything else raises
Refused; what is one of several things is asked by `attempt`, and missing makes the family partial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pipeline.access.collect.asking import Asker, Refused
from pipeline.access.collect.folder import FamilyFile

T = TypeVar("T")

AT_ONCE = 8  # calls at once to one account
PAGE = 1000  # IAM's largest
REPORT_TRIES, REPORT_PAUSE, LONGEST_PAUSE = 60, 1.0, 15.0
FILTER = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"]
POLICY_TYPES = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
_NOT_READY = ("ReportInProgress", "ReportNotPresent", "ReportExpired", "CredentialReportNotReadyException")


@dataclass
class Family:
    """One family of one account while it is asked for; `lacking` has AWS's word on each call that it refused."""

    asker: Asker
    file: FamilyFile
    lacking: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what is not all there is either, but cannot be had
    remark: str | None = None  # what is worth saying of a family that is whole

    def ask(
        self, service: str, operation: str, given: Mapping[str, Any] | None = None, region: str | None = None
    ) -> dict[str, Any]:
        """One call whose answer is kept."""
        answer = self.asker.ask(service, operation, given, region)
        kept = {**(given or {}), "Region": region} if region else dict(given or {})
        self.file.append([(operation, kept, answer)])
        return answer

    def pages(self, service: str, operation: str, given: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All pages, each kept as it comes."""
        found = []
        for asked, answer in self.asker.pages(service, operation, given):
            self.file.append([(operation, asked, answer)])
            found.append(answer)
        return found

    def attempt(self, call: Callable[[], T], *passed_by: str) -> T | None:
        """What the call gives; None where AWS refuses it, which is lacking unless its code is among `passed_by`."""
        try:
            return call()
        except Refused as error:
            if error.code not in passed_by:
                self.lacking.append(str(error))
            return None

    def each(self, call: Callable[[Any], object], things: Iterable[Any], at_once: int = AT_ONCE) -> None:
        """The call for every thing, some at once."""
        with ThreadPoolExecutor(at_once) as pool:
            futures = [pool.submit(call, each) for each in things]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def gathered(family: Family, ask: Callable[[Family], None]) -> None:
    """Asks, and writes down how far it came."""
    try:
        ask(family)
    except Refused as error:
        family.lacking.append(str(error))
    said = family.lacking + family.notes
    more = f" (and {len(said) - 1:,} more)" if len(said) > 1 else ""
    state = "complete" if not said else "partial" if family.file.answered or not family.lacking else "refused"
    family.file.end(state, f"{said[0]}{more}" if said else family.remark)


def details(family: Family) -> None:
    """Users, groups, roles, the customer's policies and those of AWS's that are in use, with their documents."""
    for asked, answer in family.asker.pages(
        "iam", "GetAccountAuthorizationDetails", {"Filter": FILTER, "MaxItems": PAGE}
    ):
        family.file.append([("GetAccountAuthorizationDetails", asked, answer)])


def credentials(family: Family) -> None:
    """The credential report: AWS makes one, which takes a while, at most every four hours."""
    for attempt in range(REPORT_TRIES):
        if family.asker.ask("iam", "GenerateCredentialReport").get("State") == "COMPLETE":
            try:
                answer = family.ask("iam", "GetCredentialReport")
                family.remark = f"AWS made the report at {answer.get('GeneratedTime')}"
                return
            except Refused as error:
                if error.code not in _NOT_READY:
                    raise
        family.asker.pause(min(REPORT_PAUSE * 1.5**attempt, LONGEST_PAUSE))
    raise Refused("", "the credential report did not become ready")


def settings(family: Family) -> None:
    """The password policy, the account's numbers, its aliases."""
    family.attempt(lambda: _password_policy(family))
    family.attempt(lambda: family.ask("iam", "GetAccountSummary"))
    family.attempt(lambda: family.pages("iam", "ListAccountAliases"))


def _password_policy(family: Family) -> None:
    """An account that has set none answers NoSuchEntity, which is an answer."""
    try:
        family.ask("iam", "GetAccountPasswordPolicy")
    except Refused as error:
        if error.code != "NoSuchEntity":
            raise
        family.file.append([("GetAccountPasswordPolicy", {}, {"PasswordPolicy": None})])


def mfa(family: Family) -> None:
    """Virtual devices with whose they are, and every user's devices of any kind."""
    asked = {"AssignmentStatus": "Assigned", "MaxItems": PAGE}
    family.attempt(lambda: family.pages("iam", "ListVirtualMFADevices", asked))
    users = [
        user["UserName"]
        for _, page in family.asker.pages("iam", "ListUsers", {"MaxItems": PAGE})
        for user in page.get("Users") or []
    ]
    # A user who was deleted meanwhile has no devices.
    family.each(
        lambda name: family.attempt(lambda: family.pages("iam", "ListMFADevices", {"UserName": name}), "NoSuchEntity"),
        users,
    )


def trails(family: Family, regions: Sequence[str]) -> None:
    """The trails that log in each region, with status and selectors.

    Without shadow trails DescribeTrails would hide the organization's trail from its member accounts. Its selectors
    are for the account that owns it to see.
    """
    chosen = list(regions)
    if chosen:
        family.notes.append(f"only {', '.join(chosen)} was asked for")
    else:
        answer = family.attempt(lambda: family.asker.ask("ec2", "DescribeRegions", region=family.asker.region)) or {}
        chosen = [each["RegionName"] for each in answer.get("Regions") or [{"RegionName": family.asker.home}]]
    found: dict[str, str] = {}

    def describe(region: str) -> None:
        asked = {"includeShadowTrails": True}
        answer = family.attempt(lambda: family.ask("cloudtrail", "DescribeTrails", asked, region)) or {}
        found.update({each["TrailARN"]: each.get("HomeRegion") or region for each in answer.get("trailList") or []})

    family.each(describe, chosen)
    for arn, region in sorted(found.items()):
        for operation, member in (("GetTrailStatus", "Name"), ("GetEventSelectors", "TrailName")):
            try:
                family.ask("cloudtrail", operation, {member: arn}, region)
            except Refused as error:
                own = f":{family.file.first['account_id']}:" in arn
                if own:
                    family.lacking.append(str(error))
                else:
                    family.notes.append(f"{arn} is of another account ({error})")


def organization(family: Family) -> None:
    """The tree, its accounts and its policies; only the management account or a delegated administrator may see it."""
    try:
        answer = family.ask("organizations", "DescribeOrganization")
    except Refused as error:
        if error.code != "AWSOrganizationsNotInUseException":
            raise
        family.file.append([("DescribeOrganization", {}, {"Organization": None})])
        return
    try:
        roots = family.pages("organizations", "ListRoots")
    except Refused as error:
        if (answer.get("Organization") or {}).get("MasterAccountId") == family.file.first["account_id"]:
            raise
        family.notes.append(f"a member account may not see the organization ({error})")
        return
    parents = [root["Id"] for page in roots for root in page.get("Roots") or []]
    while parents:
        asked = {"ParentId": parents.pop()}
        family.pages("organizations", "ListAccountsForParent", asked)
        units = family.pages("organizations", "ListOrganizationalUnitsForParent", asked)
        parents += [unit["Id"] for page in units for unit in page.get("OrganizationalUnits") or []]
    for kind in POLICY_TYPES:
        listed = family.attempt(lambda: family.pages("organizations", "ListPolicies", {"Filter": kind}))  # noqa: B023
        for policy in [each["Id"] for page in listed or [] for each in page.get("Policies") or []]:
            family.attempt(lambda: family.ask("organizations", "DescribePolicy", {"PolicyId": policy}))  # noqa: B023
            family.attempt(lambda: family.pages("organizations", "ListTargetsForPolicy", {"PolicyId": policy}))  # noqa: B023
