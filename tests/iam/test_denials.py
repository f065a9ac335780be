"""AccessDenied messages: forms from the IAM User Guide, "Troubleshoot access denied error messages", and services."""

from __future__ import annotations

import time

import pytest

from pipeline.iam.actions import mapper
from pipeline.iam.denials import Denial, read

WHO = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: "
ROLE = "arn:aws:iam::123456789012:role/app/worker"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:jobs"
OBJECT = "arn:aws:s3:::b/a key"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (f"{WHO}sts:AssumeRole on resource: {ROLE}", Denial("sts:AssumeRole", ROLE)),
        (f"{WHO}iam:PassRole on resource: {ROLE} because no identity-based policy allows the iam:PassRole action",
         Denial("iam:PassRole", ROLE, "identity")),
        (f"{WHO}iam:PassRole on resource: {ROLE} with an explicit deny in an identity-based policy",
         Denial("iam:PassRole", ROLE, "identity", True)),
        (f"{WHO}ec2:RunInstances on resource: * with an explicit deny in a service control policy: arn:aws:x",
         Denial("ec2:RunInstances", "*", "scp", True)),
        (f"{WHO}ec2:StopInstances because no service control policy allows the ec2:StopInstances action",
         Denial("ec2:StopInstances", None, "scp")),
        (f"{WHO}s3:ListAllMyBuckets because no permissions boundary allows the s3:ListAllMyBuckets action",
         Denial("s3:ListAllMyBuckets", None, "boundary")),
        (f"{WHO}s3:ListAllMyBuckets with an explicit deny in a permissions boundary",
         Denial("s3:ListAllMyBuckets", None, "boundary", True)),
        (f"{WHO}s3:ListAllMyBuckets because no session policy allows the s3:ListAllMyBuckets action",
         Denial("s3:ListAllMyBuckets", None, "session")),
        (f"{WHO}sqs:SendMessage on resource: {QUEUE} because no VPC endpoint policy allows the sqs:SendMessage action",
         Denial("sqs:SendMessage", QUEUE, "vpc_endpoint")),
        (f"{WHO}sqs:SendMessage on resource: {QUEUE} with an explicit deny in a resource control policy",
         Denial("sqs:SendMessage", QUEUE, "rcp", True)),
        (f"{WHO}sqs:sendmessage on resource: {QUEUE} because no resource-based policy allows the action",
         Denial("sqs:sendmessage", QUEUE, "resource")),
        # S3 puts the resource in quotes, which may then hold spaces.
        (f'{WHO}s3:GetObject on resource: "{OBJECT}" because no identity-based policy allows the s3:GetObject action',
         Denial("s3:GetObject", OBJECT, "identity")),
        (f"{WHO}dynamodb:GetItem with an explicit deny", Denial("dynamodb:GetItem", None, None, True)),
        # KMS, where the key is known only from the ciphertext; IAM, in words; a full stop at the end
        (f"{WHO}kms:Decrypt on the resource associated with this ciphertext because the resource does not exist in "
         "this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access",
         Denial("kms:Decrypt")),
        (f"{WHO}iam:DeleteRole on resource: role worker", Denial("iam:DeleteRole")),
        (f"{WHO}sns:Publish on resource: arn:aws:sns:us-east-1:123456789012:t.",
         Denial("sns:Publish", "arn:aws:sns:us-east-1:123456789012:t")),
    ],
)  # fmt: skip
def test_forms(message: str, expected: Denial) -> None:
    assert read(message) == expected


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Access Denied",
        "You are not authorized to perform this operation. Encoded authorization failure message: ywUZb4ww98QmHKSE",
        "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are "
        "not allowed to access.",
        "not authorized to perform: everything",
        "not authorized to perform: s3:",
    ],
)
def test_messages_that_name_no_action(message: str) -> None:
    assert read(message) is None


def test_a_long_message_takes_no_time() -> None:
    start = time.process_time()
    for filling in ("a", " ", "because no ", "an explicit deny in a ", "not authorized to perform: a:b ", '"'):
        read(WHO + "s3:GetObject on resource: " + filling * (1_000_000 // len(filling)))
    assert time.process_time() - start < 2


def test_the_message_is_ground_truth_for_the_call() -> None:
    """The action in AWS's spelling; the exact ARN before the pattern that the request's bare name gives."""
    event = {
        "eventSource": "iam.amazonaws.com",
        "eventName": "DeleteRole",
        "recipientAccountId": "123456789012",
        "requestParameters": {"roleName": "worker"},
        "errorMessage": f"{WHO}iam:deleterole on resource: {ROLE} because no identity-based policy allows it",
    }
    found = mapper().map_event(event).actions
    assert [(each.action, each.basis, each.resources) for each in found] == [("iam:DeleteRole", "exact", (ROLE,))]
    unknown = {**event, "errorMessage": f"{WHO}nosuch:Thing on resource: *"}
    assert [each.action for each in mapper().map_event(unknown).actions] == ["iam:DeleteRole"]
