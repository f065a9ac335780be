"""What the roll-up keeps of a request: little, bounded, and the same as a whole event gives the mapping."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.iam import requests
from pipeline.iam.actions import mapper
from pipeline.records.requests import request_members

ROLE = "arn:aws:iam::123456789012:role/app/worker"


def kept(source: str, name: str, request: Any) -> dict[str, Any]:
    text = request if isinstance(request, bytes) else json.dumps(request).encode()
    raw = request_members(f"{source}.amazonaws.com", name, text)
    return json.loads(raw) if raw else {}


@pytest.mark.parametrize(
    ("source", "name", "request_", "expected"),
    [
        ("s3", "GetObject", {"bucketName": "b", "key": "k"}, {"bucketName": "b"}),
        ("s3", "GetObject", {"bucketName": "b", "key": "k", "versionId": "v"}, {"bucketName": "b", "versionId": True}),
        # CloudTrail lists S3's headers among the members, in older records as one-element arrays.
        ("s3", "PutObject", {"bucketName": "b", "x-amz-acl": "private"}, {"bucketName": "b", "acl": True}),
        ("s3", "PutObject", {"bucketName": "b", "x-amz-acl": ["public-read"]},
         {"bucketName": "b", "acl": True, "openAcl": True}),
        ("s3", "PutObject", {"bucketName": "b", "x-amz-acl": [""]}, {"bucketName": "b"}),
        ("s3", "PutObject", {"bucketName": "b", "accessControlList": {"x-amz-grant-read": "id=1"}},
         {"bucketName": "b", "acl": True, "openAcl": True}),
        ("s3", "PutObject", {"bucketName": "b", "x-amz-tagging": "team=x"}, {"bucketName": "b", "tags": True}),
        ("s3", "PutObject", {"bucketName": "b", "x-amz-object-lock-mode": "GOVERNANCE"},
         {"bucketName": "b", "retention": True}),
        ("s3", "PutObject", {"bucketName": "b", "x-amz-object-lock-legal-hold": "ON"},
         {"bucketName": "b", "legalHold": True}),
        ("s3", "DeleteObject", {"bucketName": "b", "x-amz-bypass-governance-retention": True},
         {"bucketName": "b", "bypassGovernance": True}),
        ("s3", "DeleteObject", {"bucketName": "b", "x-amz-bypass-governance-retention": "false"}, {"bucketName": "b"}),
        ("s3", "CopyObject", {"bucketName": "b", "x-amz-copy-source": "/a/k?versionId=7"},
         {"bucketName": "b", "sourceVersion": True}),
        ("s3", "GetBucketTagging", {"bucketName": "b", "tagging": ""}, {"bucketName": "b"}),
        ("s3", "CreateBucket", {"bucketName": "b", "CreateBucketConfiguration": {"Tags": {"Tag": {"Key": "a"}}}},
         {"bucketName": "b", "tags": True}),
        ("s3", "PutBucketReplication", {"bucketName": "b", "ReplicationConfiguration": {"Role": ROLE}},
         {"bucketName": "b", "roleArn": ROLE}),
        # tags, in the ways services write them
        ("iam", "CreateRole", {"roleName": "r", "tags": [{"key": "a", "value": "b"}]}, {"tags": True}),
        ("lambda", "CreateFunction20150331", {"functionName": "f", "tags": {"a": "b"}},
         {"functionName": "f", "tags": True}),
        ("cloudtrail", "CreateTrail", {"name": "t", "tagsList": [{"key": "a"}]}, {"tags": True}),
        ("ec2", "CreateNatGateway", {"CreateNatGatewayRequest": {"TagSpecification": {"Tag": {"tag": 1}}}},
         {"tags": True}),
        ("ec2", "CreateVpc", {"tagSpecificationSet": {"items": [{"resourceType": "vpc", "tags": [{"key": "a"}]}]}},
         {"tags": True}),
        # … and what only looks like tags: none, an index of EC2's XML, a text that quotes them, another member
        ("iam", "CreateRole", {"tags": []}, {}),
        ("lambda", "CreateFunction20150331", {"functionName": "f", "tags": {}}, {"functionName": "f"}),
        ("iam", "CreateRole", {"tags": None}, {}),
        ("ec2", "DeleteFlowLogs", {"DeleteFlowLogsRequest": {"FlowLogId": {"tag": 1, "content": "fl-1"}}}, {}),
        ("iam", "PutRolePolicy", {"policyDocument": '{"tags":["x"],"Tags": {"a":"b"}}'}, {}),
        ("rds", "CreateDBInstance", {"copyTagsToSnapshot": "true", "stage": "x", "eTag": "y"}, {}),
        # roles
        ("lambda", "CreateFunction20150331", {"functionName": "f", "role": ROLE},
         {"functionName": "f", "roleArn": ROLE}),
        ("redshift", "CreateCluster", {"iamRoles": [ROLE, ROLE + "2"]}, {"roleArn": [ROLE, ROLE + "2"]}),
        ("elasticmapreduce", "RunJobFlow", {"serviceRole": "EMR_DefaultRole"}, {"roleArn": "EMR_DefaultRole"}),
        ("iam", "AddRoleToInstanceProfile", {"instanceProfileName": "p", "roleName": "r"},
         {"roleArn": "r", "instanceProfile": "p"}),
        ("iam", "DeleteInstanceProfile", {"instanceProfileName": "p"}, {}),
        ("ec2", "RunInstances", {"iamInstanceProfile": {"name": "web"}}, {"instanceProfile": "web"}),
        ("sts", "AssumeRole", {"roleArn": ROLE, "roleSessionName": "s"}, {}),
        # STS and EC2
        ("sts", "AssumeRole", {"roleArn": ROLE, "sourceIdentity": "ann", "tags": [{"key": "a", "value": "b"}]},
         {"tags": True, "sourceIdentity": True}),
        ("sts", "AssumeRole", {"roleArn": ROLE, "sourceIdentity": None}, {}),
        ("ec2", "RunInstances", {"instancesSet": {"items": [{"imageId": "resolve:ssm:/golden/ami"}]}},
         {"imageParameter": True}),
    ],
)  # fmt: skip
def test_what_is_kept(source: str, name: str, request_: dict[str, Any], expected: dict[str, Any]) -> None:
    assert kept(source, name, request_) == expected


def test_a_name_sharing_a_word_is_no_role() -> None:
    request = {"userRole": "READER", "identityType": "IAM", "role": "admin", "accountRole": "x" * 500}
    assert kept("quicksight", "RegisterUser", request) == {}


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[]", b"null", b"7", b'"tags"', b'{"tags":', b"{" * 5000, b'{"a":' * 5000,
        b'{"tags":[{"role":' * 3000 + b"1" + b"}]}" * 3000, b'{"bucketName":5,"versionId":{},"x-amz-acl":{"a":[[]]}}',
        b'{"bucketName":"b","x-amz-copy-source":7,"x-amz-tagging":[[]],"accessControlList":"x-amz-grant-read"}',
        b'{"roleArn":["arn:aws:iam::1:role/x",7,null,{"roleArn":[]}],"iamInstanceProfile":[{"name":7}]}',
        b'{"tags":"\xff\xfe"}', b'{"\\"tags":[1]}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("source", ["s3", "ec2", "iam", "sts", "kms", "lambda"])
def test_hostile_requests_give_an_object_or_nothing(source: str, text: bytes) -> None:
    assert isinstance(kept(source, "AddRoleToInstanceProfile", text), dict)


def test_a_megabyte_takes_no_time() -> None:
    for text in (b'{"x":"' + b"tag" * 350_000 + b'"}', b'{"x":"' + b'\\"tags\\":[' * 100_000 + b'"}'):
        start = time.process_time()
        assert kept("iam", "CreateRole", text) == {}
        assert time.process_time() - start < 2


EVENTS: list[tuple[str, str, dict[str, Any]]] = [
    ("s3", "CopyObject", {"bucketName": "b", "x-amz-copy-source": "a/k?versionId=1", "x-amz-acl": "private"}),
    ("s3", "CreateBucket", {"bucketName": "b", "x-amz-acl": "public-read", "x-amz-object-ownership": "ObjectWriter"}),
    ("s3", "GetObject", {"bucketName": "b--use1-az4--x-s3", "key": "k"}),
    ("sts", "AssumeRole", {"roleArn": ROLE, "sourceIdentity": "ann", "tags": [{"key": "a", "value": "b"}]}),
    ("ec2", "RunInstances", {"iamInstanceProfile": {"arn": "arn:aws:iam::123456789012:instance-profile/p"},
                             "tagSpecificationSet": {"items": [{"tags": [{"key": "a", "value": "b"}]}]}}),
    ("iam", "AddRoleToInstanceProfile", {"instanceProfileName": "p", "roleName": "r"}),
    ("ecs", "RegisterTaskDefinition", {"taskRoleArn": ROLE, "tags": [{"key": "a", "value": "b"}]}),
]  # fmt: skip


def alike(event: dict[str, Any]) -> None:
    """The whole event and its row of usage need the same actions."""
    whole = mapper().map_event({**event, "errorMessage": None})
    raw = request_members(event["eventSource"], event["eventName"], json.dumps(requests.parameters(event)).encode())
    row = mapper().map_call(
        event["eventSource"],
        event["eventName"],
        event.get("eventType"),
        event.get("eventCategory"),
        json.loads(raw) if raw else None,
    )
    assert [(each.action, each.basis) for each in whole.actions] == [(each.action, each.basis) for each in row.actions]


def test_an_event_and_its_row_map_alike() -> None:
    for source, name, request in EVENTS:
        alike({"eventSource": f"{source}.amazonaws.com", "eventName": name, "requestParameters": request})


@pytest.mark.real_logs
def test_real_events_and_their_rows_map_alike(real_logs: Path) -> None:
    for file in sorted(real_logs.glob("*/*.json")):
        for record in json.loads(file.read_text())["Records"]:
            alike(record)
