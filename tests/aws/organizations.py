"""The calls of Organizations that collecting makes, for `tests.aws.iam`.

Only the management account sees more than DescribeOrganization here, as without a delegated administrator. Pages are
of 20 at most, whatever is asked (API reference: MaxResults 1 to 20).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Given = dict[str, Any]


class Fault(Exception):
    """An error that AWS answers with: its code, and what it says."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.status = code, status


@dataclass
class Organization:
    """A tree: units and accounts by their parent's id; `policies` with summary, content and targets."""

    master: str
    root: Given
    units: dict[str, list[Given]] = field(default_factory=dict)
    accounts: dict[str, list[Given]] = field(default_factory=dict)
    policies: list[tuple[Given, str, list[Given]]] = field(default_factory=list)


class OrganizationCalls:
    """Part of a World."""

    organization_page = 20

    def organizations_DescribeOrganization(self, account: Any, given: Given, region: str) -> Given:
        if account.organization is None:
            raise Fault("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
        master = account.organization.master
        arn = f"arn:aws:organizations::{master}:organization/o-example"
        return {"Organization": {"Id": "o-example", "Arn": arn, "FeatureSet": "ALL", "MasterAccountId": master}}

    def organizations_ListRoots(self, account: Any, given: Given, region: str) -> Given:
        return {"Roots": [self._seen(account).root]}

    def organizations_ListOrganizationalUnitsForParent(self, account: Any, given: Given, region: str) -> Given:
        return self._some("OrganizationalUnits", self._seen(account).units.get(given["ParentId"], []), given)

    def organizations_ListAccountsForParent(self, account: Any, given: Given, region: str) -> Given:
        return self._some("Accounts", self._seen(account).accounts.get(given["ParentId"], []), given)

    def organizations_ListPolicies(self, account: Any, given: Given, region: str) -> Given:
        summaries = [each[0] for each in self._seen(account).policies if each[0]["Type"] == given["Filter"]]
        return self._some("Policies", summaries, given)

    def organizations_DescribePolicy(self, account: Any, given: Given, region: str) -> Given:
        summary, content, _ = self._policy(account, given)
        return {"Policy": {"PolicySummary": summary, "Content": content}}

    def organizations_ListTargetsForPolicy(self, account: Any, given: Given, region: str) -> Given:
        return self._some("Targets", self._policy(account, given)[2], given)

    def _seen(self, account: Any) -> Organization:
        found: Organization | None = account.organization
        if found is None:
            raise Fault("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
        if found.master != account.id:
            text = "You don't have permissions to access this resource."
            raise Fault("AccessDeniedException", text)
        return found

    def _policy(self, account: Any, given: Given) -> tuple[Given, str, list[Given]]:
        for each in self._seen(account).policies:
            if each[0]["Id"] == given["PolicyId"]:
                return each
        raise Fault("PolicyNotFoundException", "We can't find a policy with the PolicyId that you specified.")

    def _some(self, member: str, listed: list[Given], given: Given) -> Given:
        start = int(given.get("NextToken", 0))
        end = start + self.organization_page
        return {member: listed[start:end]} | ({"NextToken": str(end)} if listed[end:] else {})
