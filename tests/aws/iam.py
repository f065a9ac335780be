"""IAM, STS, EC2, CloudTrail and Organizations on loopback, as far as collecting asks them, with AWS's limits.

For what moto lacks: pages, throttling, refusals, reports and jobs that take a while, service last-accessed data,
policies that are none. The account is the one that the request's access key belongs to; assuming a role gives a key
of the role's account. Answers are written by botocore's own models, so a member AWS does not have cannot be given.
Rules: IAM API reference (GetAccountAuthorizationDetails, GenerateCredentialReport, GetCredentialReport,
GenerateServiceLastAccessedDetails, GetServiceLastAccessedDetails, ListMFADevices), Organizations and CloudTrail API
references; MaxItems is 1 to 1000.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.aws.moto import CREDENTIALS
from tests.aws.organizations import Fault, Given, Organization, OrganizationCalls
from tests.aws.trails import TrailCalls

SERVICES = ("iam", "sts", "ec2", "cloudtrail", "organizations")
THROTTLED = {"iam": "Throttling", "sts": "Throttling", "ec2": "RequestLimitExceeded",
             "cloudtrail": "ThrottlingException", "organizations": "TooManyRequestsException"}  # fmt: skip
DENIED = {
    "organizations": "AccessDeniedException",
    "cloudtrail": "AccessDeniedException",
    "ec2": "UnauthorizedOperation",
}


@dataclass
class Account:
    """What one account holds; a test fills it. `trails` are by region; `jobs` what each principal's job gives."""

    id: str
    users: list[dict[str, Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    roles: list[dict[str, Any]] = field(default_factory=list)
    policies: list[dict[str, Any]] = field(default_factory=list)
    password_policy: dict[str, Any] | None = None
    summary: dict[str, int] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)
    virtual: list[dict[str, Any]] = field(default_factory=list)
    devices: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    report: str = ""
    trails: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    selectors: dict[str, dict[str, Any]] = field(default_factory=dict)
    services: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    organization: Organization | None = None


class World(OrganizationCalls, TrailCalls):
    """Every account, how AWS behaves today, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.lock = threading.Lock()
        self.accounts: dict[str, Account] = {}
        self.keys: dict[str, str] = {}
        self.roles: set[str] = set()  # ARNs that may be assumed
        self.regions = ["eu-west-1", "us-east-1"]
        self.denied: set[tuple[str, str]] = set()  # (account, operation)
        self.page = 100
        self.storm = 0  # calls to throttle
        self.every = 0  # every so many calls one is throttled
        self.polls = 0  # answers before a report or a job is ready
        self.failing: set[str] = set()  # principals whose job fails
        self.lost: set[str] = set()  # principals whose next job belongs to a session that has ended
        self.delay = 0.0
        self.expired = False
        self.hook: Callable[[str, str], None] | None = None  # is told account and operation before the answer
        self.calls: Counter[tuple[str, str]] = Counter()
        self.throttled = 0
        self.asked: list[tuple[str, str, str, dict[str, Any]]] = []  # account, region, operation, given
        self.jobs: dict[str, list[Any]] = {}  # job -> account, principal, polls left
        self.reports: dict[str, int] = {}

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which boto3 reaches this server for its services, and no other."""
        return CREDENTIALS | {f"AWS_ENDPOINT_URL_{name.upper()}": self.url for name in SERVICES}

    def add(self, account: Account, key: str = "") -> Account:
        """An account; `key` is the access key that is of it."""
        self.accounts[account.id] = account
        if key:
            self.keys[key] = account.id
        return account

    def call(self, service: str, region: str, operation: str, given: Given, key: str) -> Given:
        """One call; raises Fault."""
        with self.lock:
            account = self.accounts[self.keys[key]]
            if self.expired:
                raise Fault("ExpiredToken", "The security token included in the request is expired")
            turn = self.every and (sum(self.calls.values()) + self.throttled) % self.every == 0
            if self.storm or turn:
                self.storm = max(0, self.storm - 1)
                self.throttled += 1
                raise Fault(THROTTLED[service], "Rate exceeded", 503 if service == "ec2" else 400)
            self.calls[account.id, operation] += 1
            self.asked.append((account.id, region, operation, given))
            if (account.id, operation) in self.denied:
                who = (
                    f"User: arn:aws:iam::{account.id}:user/auditor is not authorized to perform: {service}:{operation}"
                )
                code = DENIED.get(service, "AccessDenied")
                raise Fault(code, f"{who} because no identity-based policy allows it", 403)
            if self.hook:
                self.hook(account.id, operation)
            answer: dict[str, Any] = getattr(self, f"{service}_{operation}")(account, given, region)
        time.sleep(self.delay)
        return answer

    # -- STS and EC2

    def sts_GetCallerIdentity(self, account: Account, given: Given, region: str) -> Given:
        return {"Account": account.id, "Arn": f"arn:aws:iam::{account.id}:user/auditor", "UserId": "AIDAAUDITOR"}

    def sts_AssumeRole(self, account: Account, given: Given, region: str) -> Given:
        arn = given["RoleArn"]
        if arn not in self.roles:
            who = f"User: arn:aws:iam::{account.id}:user/auditor is not authorized to perform: sts:AssumeRole"
            raise Fault("AccessDenied", f"{who} on resource: {arn}", 403)
        key = f"ASIA{uuid.uuid4().hex[:16].upper()}"
        self.keys[key] = arn.split(":")[4]
        credentials = {
            "AccessKeyId": key,
            "SecretAccessKey": "x",
            "SessionToken": "x",
            "Expiration": "2099-01-01T00:00:00Z",
        }
        return {"Credentials": credentials, "AssumedRoleUser": {"AssumedRoleId": "AROA:x", "Arn": arn}}

    def ec2_DescribeRegions(self, account: Account, given: Given, region: str) -> Given:
        return {"Regions": [{"RegionName": each, "OptInStatus": "opt-in-not-required"} for each in self.regions]}

    # -- IAM

    def iam_GetAccountAuthorizationDetails(self, account: Account, given: Given, region: str) -> Given:
        members = {"UserDetailList": account.users, "GroupDetailList": account.groups, "RoleDetailList": account.roles,
                   "Policies": account.policies}  # fmt: skip
        flat = [(member, each) for member, listed in members.items() for each in listed]
        some, more = self._page(flat, given)
        answer: dict[str, Any] = {member: [each for name, each in some if name == member] for member in members}
        return answer | more

    def _page(self, listed: list[Any], given: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The members that this page holds; AWS may give fewer than MaxItems asks for."""
        limit = int(given.get("MaxItems", 100))
        if not 1 <= limit <= 1000:
            raise Fault("ValidationError", "MaxItems must be between 1 and 1000")
        start = int(given.get("Marker", 0))
        end = start + min(limit, self.page)
        return listed[start:end], {"IsTruncated": True, "Marker": str(end)} if listed[end:] else {"IsTruncated": False}

    def iam_GenerateCredentialReport(self, account: Account, given: Given, region: str) -> Given:
        left = self.reports.setdefault(account.id, self.polls)
        self.reports[account.id] = max(0, left - 1)
        return {"State": "COMPLETE" if not left else "STARTED" if left == self.polls else "INPROGRESS"}

    def iam_GetCredentialReport(self, account: Account, given: Given, region: str) -> Given:
        if account.id not in self.reports:
            raise Fault("ReportNotPresent", "Report not present", 410)
        if self.reports[account.id]:
            raise Fault("ReportInProgress", "Report in progress", 404)
        report = account.report.encode()
        return {"Content": report, "ReportFormat": "text/csv", "GeneratedTime": "2026-11-25T12:00:00Z"}

    def iam_GetAccountPasswordPolicy(self, account: Account, given: Given, region: str) -> Given:
        if account.password_policy is None:
            text = f"The Password Policy with domain name {account.id} cannot be found."
            raise Fault("NoSuchEntity", text, 404)
        return {"PasswordPolicy": account.password_policy}

    def iam_GetAccountSummary(self, account: Account, given: Given, region: str) -> Given:
        return {"SummaryMap": account.summary}

    def iam_ListAccountAliases(self, account: Account, given: Given, region: str) -> Given:
        return {"AccountAliases": account.aliases, "IsTruncated": False}

    def iam_ListVirtualMFADevices(self, account: Account, given: Given, region: str) -> Given:
        wanted = given.get("AssignmentStatus", "Any")
        listed = [each for each in account.virtual if wanted == "Any" or ("User" in each) == (wanted == "Assigned")]
        some, more = self._page(listed, given)
        return {"VirtualMFADevices": some} | more

    def iam_ListUsers(self, account: Account, given: Given, region: str) -> Given:
        some, more = self._page(account.users, given)
        names = ("Path", "UserName", "UserId", "Arn", "CreateDate")
        return {"Users": [{name: each[name] for name in names} for each in some]} | more

    def iam_ListRoles(self, account: Account, given: Given, region: str) -> Given:
        some, more = self._page(account.roles, given)
        names = ("Path", "RoleName", "RoleId", "Arn", "CreateDate")
        return {"Roles": [{name: each[name] for name in names} for each in some]} | more

    def iam_ListMFADevices(self, account: Account, given: Given, region: str) -> Given:
        if given["UserName"] not in {each["UserName"] for each in account.users}:
            raise Fault("NoSuchEntity", f"The user with name {given['UserName']} cannot be found.", 404)
        return {"MFADevices": account.devices.get(given["UserName"], []), "IsTruncated": False}

    def iam_GenerateServiceLastAccessedDetails(self, account: Account, given: Given, region: str) -> Given:
        arn = given["Arn"]
        if arn not in {each["Arn"] for each in account.users + account.roles}:
            raise Fault("NoSuchEntity", f"ARN {arn} does not exist.", 404)
        if given.get("Granularity", "SERVICE_LEVEL") not in ("SERVICE_LEVEL", "ACTION_LEVEL"):
            raise Fault("ValidationError", "Granularity")
        job = str(uuid.uuid4())
        polls = -1 if arn in self.lost else self.polls
        self.lost.discard(arn)
        self.jobs[job] = [account.id, arn, polls, given.get("Granularity", "SERVICE_LEVEL")]
        return {"JobId": job}

    def iam_GetServiceLastAccessedDetails(self, account: Account, given: Given, region: str) -> Given:
        job = self.jobs.get(given["JobId"])
        if job is None or job[0] != account.id or job[2] < 0:
            raise Fault("NoSuchEntity", "The job does not exist.", 404)
        dated = {"JobCreationDate": "2026-11-25T12:00:00Z", "JobType": job[3]}
        if job[2]:
            job[2] -= 1
            return dated | {"JobStatus": "IN_PROGRESS", "ServicesLastAccessed": []}
        if job[1] in self.failing:
            error = {"Message": "The job took too long", "Code": "InternalError"}
            return dated | {"JobStatus": "FAILED", "JobCompletionDate": "2026-11-25T12:00:05Z", "Error": error}
        some, more = self._page(account.services.get(job[1], []), given)
        done = {"JobStatus": "COMPLETED", "JobCompletionDate": "2026-11-25T12:00:05Z", "ServicesLastAccessed": some}
        return dated | done | more
