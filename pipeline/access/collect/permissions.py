"""The least that AWS must allow: for collecting one statement a family, for ingest one a kind of source.

Every call of collecting only reads. None of them but those on a bucket or queue can be narrowed to less than every
resource of the account and still see all of it (service authorization reference). A role in another account needs
the first policy; the credentials that assume it need sts:AssumeRole on it as well.
"""

from __future__ import annotations

from typing import Any

# family -> actions, in the order in which collecting asks
COLLECT = {
    "Details": ("iam:GetAccountAuthorizationDetails",),
    "Credentials": ("iam:GenerateCredentialReport", "iam:GetCredentialReport"),
    "Settings": ("iam:GetAccountPasswordPolicy", "iam:GetAccountSummary", "iam:ListAccountAliases"),
    "Mfa": ("iam:ListVirtualMFADevices", "iam:ListUsers", "iam:ListMFADevices"),
    "Trails": (
        "ec2:DescribeRegions",
        "cloudtrail:DescribeTrails",
        "cloudtrail:GetTrailStatus",
        "cloudtrail:GetEventSelectors",
    ),
    "Organization": (
        "organizations:DescribeOrganization",
        "organizations:ListRoots",
        "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListPolicies",
        "organizations:DescribePolicy",
        "organizations:ListTargetsForPolicy",
    ),
    "LastAccessed": (
        "iam:ListUsers",
        "iam:ListRoles",
        "iam:GenerateServiceLastAccessedDetails",
        "iam:GetServiceLastAccessedDetails",
    ),
}
# source -> actions and the resource to put one's own names into
INGEST = {
    "BucketList": (("s3:ListBucket",), "arn:aws:s3:::BUCKET"),
    "BucketRead": (("s3:GetObject",), "arn:aws:s3:::BUCKET/*"),
    "Queue": (
        ("sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"),
        "arn:aws:sqs:*:*:QUEUE",
    ),
    "EventHistory": (("cloudtrail:LookupEvents", "ec2:DescribeRegions"), "*"),
    "Digests": (("cloudtrail:ListPublicKeys",), "*"),
}


def policy(purpose: str) -> dict[str, Any]:
    """The policy for `collect` or `ingest`."""
    if purpose == "collect":
        rows: list[tuple[str, tuple[str, ...], str]] = [(name, actions, "*") for name, actions in COLLECT.items()]
    else:
        rows = [(name, actions, resource) for name, (actions, resource) in INGEST.items()]
    statements = [{"Sid": n, "Effect": "Allow", "Action": list(actions), "Resource": r} for n, actions, r in rows]
    return {"Version": "2012-10-17", "Statement": statements}
