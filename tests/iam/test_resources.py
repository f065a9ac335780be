"""What each action of a call was applied to: ARNs worked out from the Service Authorization Reference's formats."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.iam.actions import mapper
from pipeline.iam.formats import formats
from pipeline.iam.resources import _table

MAPPER = mapper()
ACCOUNT, OTHER = "123456789012", "999999999999"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app/worker"
KEY, KEY_ID = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/", "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY_ID_2 = "0987dcba-09fe-87dc-65ba-ab0987654321"


def applied(source: str, name: str, request: Any, **more: Any) -> dict[str, list[str]]:
    """Resources by action, of a call in eu-west-1 by a user of the account."""
    event = {
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-west-1",
        "recipientAccountId": ACCOUNT,
        "userIdentity": {"type": "IAMUser", "accountId": ACCOUNT},
        "requestParameters": request,
        **more,
    }
    return {each.action: list(each.resources) for each in MAPPER.map_event(event).actions}


def here(service: str, rest: str) -> str:
    return f"arn:aws:{service}:eu-west-1:{ACCOUNT}:{rest}"


@pytest.mark.parametrize(
    ("source", "name", "request_", "action", "expected"),
    [
        ("s3", "GetObject", {"bucketName": "b", "key": "a/k"}, "s3:GetObject", ["arn:aws:s3:::b/a/k"]),
        ("s3", "PutBucketPolicy", {"bucketName": "b"}, "s3:PutBucketPolicy", ["arn:aws:s3:::b"]),
        ("s3", "DeleteObjects", {"bucketName": "b"}, "s3:DeleteObject", ["arn:aws:s3:::b/*"]),
        ("s3", "GetObjectLockConfiguration", {"bucketName": "b"}, "s3:GetBucketObjectLockConfiguration",
         ["arn:aws:s3:::b"]),
        ("s3", "ListParts", {"bucketName": "b", "key": "k"}, "s3:ListMultipartUploadParts", ["arn:aws:s3:::b/k"]),
        ("s3", "ListBuckets", {"Host": "s3.amazonaws.com"}, "s3:ListAllMyBuckets", []),
        # an access point stands in the bucket's place: "Access points for general purpose buckets"
        ("s3", "GetObject", {"bucketName": here("s3", "accesspoint/ap"), "key": "k"}, "s3:GetObject",
         [here("s3", "accesspoint/ap/object/k")]),
        ("s3", "GetObject", {"bucketName": "b--euw1-az1--x-s3", "key": "k"}, "s3express:CreateSession",
         [here("s3express", "bucket/b--euw1-az1--x-s3")]),
        ("lambda", "Invoke", {"functionName": "f"}, "lambda:InvokeFunction", [here("lambda", "function:f")]),
        ("lambda", "GetFunction20150331v2", {"functionName": here("lambda", "function:f:prod")}, "lambda:GetFunction",
         [here("lambda", "function:f:prod")]),
        ("dynamodb", "GetItem", {"tableName": "t"}, "dynamodb:GetItem", [here("dynamodb", "table/t")]),
        ("dynamodb", "Query", {"tableName": "t", "indexName": "i"}, "dynamodb:Query",
         [here("dynamodb", "table/t/index/i")]),
        ("dynamodb", "BatchWriteItem", {"requestItems": {"t": [], "u": []}}, "dynamodb:BatchWriteItem",
         [here("dynamodb", "table/t"), here("dynamodb", "table/u")]),
        ("sqs", "SendMessage", {"queueUrl": f"https://sqs.eu-west-1.amazonaws.com/{OTHER}/jobs"}, "sqs:SendMessage",
         [f"arn:aws:sqs:eu-west-1:{OTHER}:jobs"]),
        ("sqs", "CreateQueue", {"queueName": "jobs", "tags": {"a": "b"}}, "sqs:TagQueue", [here("sqs", "jobs")]),
        ("sns", "CreateTopic", {"name": "t"}, "sns:CreateTopic", [here("sns", "t")]),
        ("sns", "Publish", {"topicArn": here("sns", "t")}, "sns:Publish", [here("sns", "t")]),
        ("logs", "CreateLogStream", {"logGroupName": "/g", "logStreamName": "s"}, "logs:CreateLogStream",
         [here("logs", "log-group:/g:log-stream:s")]),
        ("kinesis", "PutRecord", {"streamName": "s"}, "kinesis:PutRecord", [here("kinesis", "stream/s")]),
        ("ssm", "GetParameters", {"names": ["/a/b", "c:3"]}, "ssm:GetParameters",
         [here("ssm", "parameter/a/b"), here("ssm", "parameter/c")]),
        ("ssm", "GetDocument", {"name": "AWS-RunShellScript"}, "ssm:GetDocument", []),
        # a secret's ARN ends in six characters of AWS's own
        ("secretsmanager", "GetSecretValue", {"secretId": "db"}, "secretsmanager:GetSecretValue", []),
        ("secretsmanager", "GetSecretValue", {"secretId": here("secretsmanager", "secret:db-a1B2c3")},
         "secretsmanager:GetSecretValue", [here("secretsmanager", "secret:db-a1B2c3")]),
        ("cloudformation", "DeleteStack", {"stackName": "web"}, "cloudformation:DeleteStack", []),
        # names that RDS keeps in lower case
        ("rds", "DeleteDBInstance", {"dBInstanceIdentifier": "Orders"}, "rds:DeleteDBInstance",
         [here("rds", "db:orders")]),
        ("events", "PutRule", {"name": "r"}, "events:PutRule", [here("events", "rule/r")]),
        ("events", "PutRule", {"name": "r", "eventBusName": "bus"}, "events:PutRule", []),
        ("ecr", "PutImage", {"repositoryName": "a/b"}, "ecr:PutImage", [here("ecr", "repository/a/b")]),
        ("cloudtrail", "StopLogging", {"name": "t"}, "cloudtrail:StopLogging", [here("cloudtrail", "trail/t")]),
        ("monitoring", "DeleteAlarms", {"alarmNames": ["a", "b"]}, "cloudwatch:DeleteAlarms",
         [here("cloudwatch", "alarm:a"), here("cloudwatch", "alarm:b")]),
        ("route53", "ChangeResourceRecordSets", {"hostedZoneId": "/hostedzone/Z1"}, "route53:ChangeResourceRecordSets",
         ["arn:aws:route53:::hostedzone/Z1"]),
        # IAM: the policy is no resource of AttachRolePolicy; a name alone does not say the path
        ("iam", "AttachRolePolicy", {"roleName": "r", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
         "iam:AttachRolePolicy", [f"arn:aws:iam::{ACCOUNT}:role/*r"]),
        ("iam", "CreateRole", {"roleName": "r", "path": "/app/", "tags": [{"key": "a", "value": "b"}]}, "iam:TagRole",
         [f"arn:aws:iam::{ACCOUNT}:role/app/r"]),
        ("iam", "CreateUser", {"userName": "u"}, "iam:CreateUser", [f"arn:aws:iam::{ACCOUNT}:user/u"]),
        ("iam", "CreateAccessKey", {"userName": "u"}, "iam:CreateAccessKey", [f"arn:aws:iam::{ACCOUNT}:user/*u"]),
        ("iam", "AddRoleToInstanceProfile", {"instanceProfileName": "p", "roleName": "r"}, "iam:PassRole",
         [f"arn:aws:iam::{ACCOUNT}:role/*r"]),
        ("sts", "AssumeRole", {"roleArn": ROLE}, "sts:AssumeRole", [ROLE]),
        # EC2: images and snapshots are of no account
        ("ec2", "TerminateInstances", {"instancesSet": {"items": [{"instanceId": "i-0123456789abcdef0"}]}},
         "ec2:TerminateInstances", [here("ec2", "instance/i-0123456789abcdef0")]),
        ("ec2", "DeleteSnapshot", {"snapshotId": "snap-0123456789abcdef0"}, "ec2:DeleteSnapshot",
         ["arn:aws:ec2:eu-west-1::snapshot/snap-0123456789abcdef0"]),
        ("ec2", "CreateTags", {"resourcesSet": {"items": [{"resourceId": "ami-0123456789abcdef0"}]}}, "ec2:CreateTags",
         ["arn:aws:ec2:eu-west-1::image/ami-0123456789abcdef0"]),
        ("ec2", "DeleteFlowLogs", {"DeleteFlowLogsRequest": {"FlowLogId": {"tag": 1, "content": "fl-01234567"}}},
         "ec2:DeleteFlowLogs", [here("ec2", "vpc-flow-log/fl-01234567")]),
        ("ec2", "DescribeInstances", {"instancesSet": {"items": [{"instanceId": "i-0123456789abcdef0"}]}},
         "ec2:DescribeInstances", []),
    ],
)  # fmt: skip
def test_applied_to(source: str, name: str, request_: Any, action: str, expected: list[str]) -> None:
    assert applied(source, name, request_)[action] == expected


def test_a_copy_reads_one_object_and_writes_another() -> None:
    """API CopyObject: the header is URL-encoded and may name a version."""
    request = {"bucketName": "to", "key": "new", "x-amz-copy-source": "/from/old%20one?versionId=7"}
    assert applied("s3", "CopyObject", request) == {
        "s3:GetObjectVersion": ["arn:aws:s3:::from/old one"],
        "s3:PutObject": ["arn:aws:s3:::to/new"],
    }


def test_a_launch_is_checked_on_what_it_uses_and_what_it_makes() -> None:
    """EC2 User Guide, "Example policies … Launch instances (RunInstances)" and "… tag resources during creation"."""
    request = {
        "instancesSet": {"items": [{"imageId": "ami-0123456789abcdef0", "keyName": "ops"}]},
        "subnetId": "subnet-0123456789abcdef0",
        "groupSet": {"items": [{"groupId": "sg-0123456789abcdef0"}]},
        "iamInstanceProfile": {"name": "web"},
        "tagSpecificationSet": {"items": [{"resourceType": "instance", "tags": [{"key": "a", "value": "b"}]}]},
    }
    found = applied("ec2", "RunInstances", request)
    assert sorted(found.pop("ec2:RunInstances")) == sorted(
        [
            "arn:aws:ec2:eu-west-1::image/ami-0123456789abcdef0",
            here("ec2", "instance/*"),
            here("ec2", "key-pair/ops"),
            here("ec2", "network-interface/*"),
            here("ec2", "security-group/sg-0123456789abcdef0"),
            here("ec2", "subnet/subnet-0123456789abcdef0"),
            here("ec2", "volume/*"),
        ]
    )
    # Which role the profile holds, the event does not say.
    assert found == {"ec2:CreateTags": [here("ec2", "instance/*")], "iam:PassRole": []}


@pytest.mark.parametrize(
    ("request_", "listed", "source", "destination"),
    [
        # KMS Developer Guide, "ReEncrypt" log entry: both keys under resources, the destination in the request
        ({"destinationKeyId": KEY + KEY_ID_2}, [KEY + KEY_ID, KEY + KEY_ID_2], [KEY + KEY_ID], [KEY + KEY_ID_2]),
        ({"destinationKeyId": KEY_ID_2}, [KEY + KEY_ID_2, KEY + KEY_ID], [KEY + KEY_ID], [KEY + KEY_ID_2]),
        ({"sourceKeyId": KEY_ID, "destinationKeyId": KEY_ID_2}, [], [KEY + KEY_ID], [KEY + KEY_ID_2]),
        # the same key on both sides
        ({"destinationKeyId": KEY + KEY_ID}, [KEY + KEY_ID], [KEY + KEY_ID], [KEY + KEY_ID]),
        # an alias: which of the two it means is not said
        ({"destinationKeyId": "alias/new"}, [KEY + KEY_ID, KEY + KEY_ID_2], [], [here("kms", "alias/new")]),
        ({}, [KEY + KEY_ID, KEY + KEY_ID_2], [], []),
    ],
)  # fmt: skip
def test_reencrypt_tells_its_two_keys_apart(
    request_: dict[str, str], listed: list[str], source: list[str], destination: list[str]
) -> None:
    resources = [{"ARN": arn, "type": "AWS::KMS::Key"} for arn in listed]
    found = applied("kms", "ReEncrypt", request_, resources=resources)
    assert found == {"kms:ReEncryptFrom": source, "kms:ReEncryptTo": destination}


def test_keys() -> None:
    assert applied("kms", "Encrypt", {"keyId": KEY_ID}) == {"kms:Encrypt": [KEY + KEY_ID]}
    # The event's own list says which key an alias stood for.
    held = [{"ARN": KEY + KEY_ID, "accountId": ACCOUNT, "type": "AWS::KMS::Key"}]
    assert applied("kms", "Encrypt", {"keyId": "alias/a"}, resources=held) == {"kms:Encrypt": [KEY + KEY_ID]}
    assert applied("kms", "Encrypt", {"keyId": "alias/a"}) == {"kms:Encrypt": [here("kms", "alias/a")]}
    assert applied("kms", "CreateAlias", {"aliasName": "alias/a", "targetKeyId": KEY_ID}) == {
        "kms:CreateAlias": [KEY + KEY_ID, here("kms", "alias/a")]
    }
    assert applied("kms", "Decrypt", {}, resources=held) == {"kms:Decrypt": [KEY + KEY_ID]}


def test_whose_account_a_bare_name_is_in() -> None:
    """Caller and owner differ in a cross-account event: the account is then left open, never guessed."""
    call = {"tableName": "t"}
    crossed = {"userIdentity": {"type": "AWSAccount", "accountId": OTHER}}
    assert applied("dynamodb", "GetItem", call, **crossed)["dynamodb:GetItem"] == [
        "arn:aws:dynamodb:eu-west-1:*:table/t"
    ]
    for recipient in (None, 7, "nobody", "1" * 13):
        found = applied("dynamodb", "GetItem", call, recipientAccountId=recipient, userIdentity=None)
        assert found["dynamodb:GetItem"] == ["arn:aws:dynamodb:eu-west-1:*:table/t"]
    assert applied("dynamodb", "GetItem", call, awsRegion="cn-north-1") == {
        "dynamodb:GetItem": [f"arn:aws-cn:dynamodb:cn-north-1:{ACCOUNT}:table/t"]
    }


def test_api_gateway_s_paths() -> None:
    """SAR: Amazon API Gateway Management and Management V2: verbs on paths, tags under an encoded ARN."""
    place = "arn:aws:apigateway:eu-west-1::"
    stage = {"restApiId": "abc", "stageName": "prod"}
    assert applied("apigateway", "GetStage", stage) == {"apigateway:GET": [f"{place}/restapis/abc/stages/prod"]}
    assert applied("apigateway", "GetRoute", {"apiId": "x", "routeId": "y"}) == {
        "apigateway:GET": [f"{place}/apis/x/routes/y"]
    }
    assert applied("apigateway", "CreateApi", {"name": "ws", "protocolType": "WEBSOCKET"}) == {
        "apigateway:POST": [f"{place}/apis"]
    }
    assert applied("apigateway", "TagResource", {"resourceArn": f"{place}/restapis/abc", "tags": {"a": "b"}})[
        "apigateway:PUT"
    ] == [f"{place}/tags/arn%3Aaws%3Aapigateway%3Aeu-west-1%3A%3A%2Frestapis%2Fabc"]
    integration = {"restApiId": "a", "resourceId": "r", "httpMethod": "GET", "credentials": ROLE}
    assert applied("apigateway", "PutIntegration", integration)["iam:PassRole"] == [ROLE]


@pytest.mark.parametrize(
    "request_",
    [
        {"bucketName": "b", "key": ["k", "l"]}, {"bucketName": "b", "key": {"a": 1}}, {"bucketName": ["b"]},
        {"functionName": "*"}, {"functionName": "f g"}, {"functionName": {"a": "b"}}, {"functionName": "x" * 5000},
        {"tableName": 7, "requestItems": {"a*": 1, "": 2}}, {"requestItems": [1]}, {"keyId": []}, {"queueUrl": {}},
        {"roleArn": "arn:aws:iam::1:role/x"}, {"x-amz-copy-source": 7}, {"instanceId": "i-*"},
        "[" * 10_000, '{"a":' * 10_000, "null", 7, [], None,
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("source", "name"),
    [("s3", "CopyObject"), ("lambda", "Invoke"), ("dynamodb", "BatchGetItem"), ("kms", "ReEncrypt"),
     ("sqs", "SendMessage"), ("ec2", "RunInstances"), ("apigateway", "GetStage"), ("iam", "CreateRole")],
)  # fmt: skip
def test_hostile_requests_name_no_wildcard_of_their_own(source: str, name: str, request_: Any) -> None:
    more: dict[str, Any] = {"resources": [7, {"ARN": {}}, {"ARN": "arn:*"}, {"ARN": "x" * 5000}], "awsRegion": ["x"]}
    for arns in applied(source, name, request_, **more).values():
        assert all(isinstance(arn, str) and arn.startswith("arn:") and len(arn) < 2500 for arn in arns)


def test_a_usage_row_s_own_members_may_be_anything() -> None:
    for value in (7, {"a": 1}, [1], ["arn:aws:iam::123456789012:role/x", 7], True, "x" * 100_000):
        for member in ("bucketName", "roleArn", "keyId", "functionName", "tags"):
            event = {"eventSource": "s3.amazonaws.com", "eventName": "GetObject", "request": {member: value}}
            json.dumps([each.resources for each in MAPPER.map_event(event).actions])


def test_every_row_names_a_part_of_some_arn_of_its_service() -> None:
    known, table = MAPPER.catalogue, _table()
    parts: dict[str, set[str]] = {}
    types: dict[str, set[str]] = {}
    for action in known.actions:
        service = action.partition(":")[0]
        for each in formats(action):
            types.setdefault(service, set()).add(each.type)
            parts.setdefault(service, set()).update(
                (part for part in each.parts), (f"{each.type}:{p}" for p in each.parts)
            )
    for (service, part), (members, _) in table["members"].items():
        assert part in parts[service] and members, (service, part)
    assert set(table["ec2"].values()) <= types["ec2"]
    for action, kinds in table["made"].items():
        assert set(kinds) <= {each.type for each in formats(action)}, action
    assert set(table["lower"]) <= set(known.services)
