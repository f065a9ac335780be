"""Events to actions: a table of cases from AWS's pages, the data table's own soundness, and real logs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.iam.actions import mapper

MAPPER = mapper()
PASSED = "arn:aws:iam::123456789012:role/app/worker"


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def asked(source: str, name: str, **more: Any) -> dict[str, str]:
    """Actions with their basis."""
    mapped = MAPPER.map_event({"eventSource": f"{source}.amazonaws.com", "eventName": name, **more})
    assert mapped.state == ("mapped" if mapped.actions else mapped.state)
    return {each.action: each.basis for each in mapped.actions}


@pytest.mark.parametrize(
    ("source", "name", "expected"),
    [
        ("ec2", "DescribeInstances", {"ec2:DescribeInstances": "exact"}),
        ("monitoring", "PutMetricAlarm", {"cloudwatch:PutMetricAlarm": "exact"}),
        ("email", "SendEmail", {"ses:SendEmail": "exact"}),
        ("tagging", "GetResources", {"tag:GetResources": "exact"}),
        ("cloudcontrolapi", "CreateResource", {"cloudformation:CreateResource": "exact"}),
        ("servicecatalog-appregistry", "ListApplications", {"servicecatalog:ListApplications": "exact"}),
        ("rdsdata", "ExecuteStatement", {"rds-data:ExecuteStatement": "exact"}),
        ("streams.dynamodb", "GetRecords", {"dynamodb:GetRecords": "exact"}),
        # dates behind the name: Lambda, CloudFront
        ("lambda", "CreateFunction20150331", {"lambda:CreateFunction": "rule"}),
        ("lambda", "UpdateFunctionCode20150331v2", {"lambda:UpdateFunctionCode": "rule"}),
        ("lambda", "GetLayerVersionByArn20181031", {"lambda:GetLayerVersion": "rule"}),
        ("cloudfront", "CreateDistribution2020_05_31", {"cloudfront:CreateDistribution": "rule"}),
        # digits that belong to the name stay
        ("kafka", "ListClustersV2", {"kafka:ListClustersV2": "exact"}),
        ("rds", "RestoreDBClusterFromS3", {"rds:RestoreDBClusterFromS3": "exact"}),
        ("cloud9", "CreateEnvironmentEC2", {"cloud9:CreateEnvironmentEC2": "exact"}),
        # S3 API reference, "Permissions" of each operation
        ("s3", "ListObjects", {"s3:ListBucket": "rule"}),
        ("s3", "ListObjectsV2", {"s3:ListBucket": "rule"}),
        ("s3", "HeadBucket", {"s3:ListBucket": "rule"}),
        ("s3", "HeadObject", {"s3:GetObject": "rule"}),
        ("s3", "ListBuckets", {"s3:ListAllMyBuckets": "rule"}),
        ("s3", "ListObjectVersions", {"s3:ListBucketVersions": "rule"}),
        ("s3", "ListParts", {"s3:ListMultipartUploadParts": "rule"}),
        ("s3", "UploadPart", {"s3:PutObject": "rule"}),
        ("s3", "AbortMultipartUpload", {"s3:AbortMultipartUpload": "exact"}),
        ("s3", "CopyObject", {"s3:GetObject": "rule", "s3:PutObject": "rule"}),
        ("s3", "DeleteObjects", {"s3:DeleteObject": "rule", "s3:DeleteObjectVersion": "inferred"}),
        ("s3", "GetBucketEncryption", {"s3:GetEncryptionConfiguration": "rule"}),
        ("s3", "DeleteBucketEncryption", {"s3:PutEncryptionConfiguration": "rule"}),
        ("s3", "GetBucketLifecycle", {"s3:GetLifecycleConfiguration": "rule"}),
        ("s3", "DeleteBucketLifecycle", {"s3:PutLifecycleConfiguration": "rule"}),
        ("s3", "DeleteBucketReplication", {"s3:PutReplicationConfiguration": "rule"}),
        ("s3", "PutBucketCors", {"s3:PutBucketCORS": "exact"}),
        ("s3", "DeleteBucketCors", {"s3:PutBucketCORS": "rule"}),
        ("s3", "DeleteBucketTagging", {"s3:PutBucketTagging": "rule"}),
        ("s3", "GetBucketPublicAccessBlock", {"s3:GetBucketPublicAccessBlock": "exact"}),
        ("s3", "PutPublicAccessBlock", {"s3:PutBucketPublicAccessBlock": "rule"}),
        ("s3", "GetObjectLockConfiguration", {"s3:GetBucketObjectLockConfiguration": "rule"}),
        ("s3", "SelectObjectContent", {"s3:GetObject": "rule"}),
        # verbs
        ("apigateway", "GetRestApi", {"apigateway:GET": "rule"}),
        ("apigateway", "CreateDeployment", {"apigateway:POST": "rule"}),
        ("apigateway", "UpdateStage", {"apigateway:PATCH": "rule"}),
        ("apigateway", "DeleteRestApi", {"apigateway:DELETE": "rule"}),
        ("apigateway", "PutIntegration", {"apigateway:PUT": "rule"}),
        # others
        ("lambda", "Invoke", {"lambda:InvokeFunction": "rule"}),
        ("kms", "ReEncrypt", {"kms:ReEncryptFrom": "rule", "kms:ReEncryptTo": "rule"}),
        ("sqs", "SendMessageBatch", {"sqs:SendMessage": "rule"}),
        ("sns", "PublishBatch", {"sns:Publish": "rule"}),
        ("budgets", "DescribeBudgets", {"budgets:ViewBudget": "rule"}),
        ("budgets", "CreateBudget", {"budgets:ModifyBudget": "rule"}),
        ("dynamodb", "TransactGetItems", {"dynamodb:GetItem": "rule"}),
        ("bedrock", "Converse", {"bedrock:InvokeModel": "rule"}),
        # operations whose API page names another operation's action
        ("access-analyzer", "ListFindingsV2", {"access-analyzer:ListFindings": "rule"}),
        ("batch", "TerminateJobs", {"batch:TerminateJob": "rule"}),
        (
            "bcm-pricing-calculator",
            "BatchCreateWorkloadEstimateUsage",
            {"bcm-pricing-calculator:CreateWorkloadEstimateUsage": "rule"},
        ),
        ("bedrock", "RetrieveAndGenerateStream", {"bedrock:RetrieveAndGenerate": "rule"}),
        ("cassandra", "CreateTable", {"cassandra:Create": "rule"}),
        ("dms", "DescribeMigrationProjects", {"dms:ListMigrationProjects": "rule"}),
        ("glue", "GetUnfilteredTableMetadata", {"glue:GetTable": "rule"}),
        ("neptune-graph", "GetQuery", {"neptune-graph:GetQueryStatus": "rule"}),
        ("securityhub", "GetFindingsV2", {"securityhub:GetFindings": "rule"}),
        ("verifiedpermissions", "BatchIsAuthorized", {"verifiedpermissions:IsAuthorized": "rule"}),
        ("s3", "GetAccessPointScope", {"s3express:GetAccessPointScope": "rule"}),
        # one of several, depending on what the event does not say
        ("timestream", "Query", {"timestream:Select": "inferred", "timestream:SelectValues": "inferred"}),
        # event sources spelt unlike the prefix
        ("ivsrealtime", "CreateStage", {"ivs:CreateStage": "exact"}),
        ("memory-db", "CreateCluster", {"memorydb:CreateCluster": "exact"}),
        ("bedrock-agentcore-control", "CreateGateway", {"bedrock-agentcore:CreateGateway": "exact"}),
    ],
)
def test_a_call_needs(source: str, name: str, expected: dict[str, str]) -> None:
    assert asked(source, name) == expected


def test_a_named_version_needs_the_version_s_action() -> None:
    """S3 API reference, GetObject: with a version id, GetObject is not needed."""
    request = {"bucketName": "b", "key": "k", "versionId": "3HL4"}
    assert asked("s3", "GetObject", requestParameters=request) == {"s3:GetObjectVersion": "rule"}
    assert asked("s3", "GetObject", requestParameters={"bucketName": "b"}) == {"s3:GetObject": "exact"}
    assert asked("s3", "DeleteObject", request={"versionId": True}) == {"s3:DeleteObjectVersion": "rule"}


def test_a_directory_bucket_is_its_own_service() -> None:
    request = {"bucketName": "logs--use1-az4--x-s3"}
    assert asked("s3", "GetObject", requestParameters=request) == {"s3express:CreateSession": "rule"}


def test_a_passed_role_is_inferred() -> None:
    request = {"functionName": "f", "role": PASSED}
    mapped = MAPPER.map_event(
        {"eventSource": "lambda.amazonaws.com", "eventName": "CreateFunction20150331", "requestParameters": request}
    )
    assert [(each.action, each.basis) for each in mapped.actions] == [
        ("lambda:CreateFunction", "rule"),
        ("iam:PassRole", "inferred"),
    ]
    assert mapped.actions[1].resources == (PASSED,)
    profile = {"iamInstanceProfile": {"name": "web"}}
    assert asked("ec2", "RunInstances", requestParameters=profile)["iam:PassRole"] == "inferred"


def test_naming_a_role_is_not_passing_it() -> None:
    assert asked("sts", "AssumeRole", requestParameters={"roleArn": PASSED}) == {"sts:AssumeRole": "exact"}
    assert asked("iam", "GetRole", requestParameters={"roleName": "x"}) == {"iam:GetRole": "exact"}
    assert "iam:PassRole" not in asked("ec2", "DescribeInstances", requestParameters={"roleArn": PASSED})


def test_tags_on_creation_need_the_tagging_action() -> None:
    request = {"tagSpecificationSet": {"items": [{"resourceType": "instance", "tags": [{"key": "a", "value": "b"}]}]}}
    assert asked("ec2", "RunInstances", requestParameters=request)["ec2:CreateTags"] == "inferred"
    assert "ec2:CreateTags" not in asked("ec2", "RunInstances", requestParameters={"stage": "x", "eTag": "y"})


TAGS = [{"key": "team", "value": "x"}]


@pytest.mark.parametrize(
    ("source", "name", "request_", "needed"),
    [
        # EC2 User Guide, "Grant permission to tag Amazon EC2 resources during creation": any creating action
        ("ec2", "CreateVolume", {"tagSpecificationSet": {"items": [{"tags": TAGS}]}}, "ec2:CreateTags"),
        ("ec2", "CreateFleet", {"CreateFleetRequest": {"TagSpecification": {"Tag": {"Key": "a"}}}}, "ec2:CreateTags"),
        # "Tag IAM roles", "Tag IAM users" …
        ("iam", "CreateRole", {"roleName": "r", "tags": TAGS}, "iam:TagRole"),
        ("iam", "CreateUser", {"userName": "u", "tags": TAGS}, "iam:TagUser"),
        ("iam", "CreatePolicy", {"policyName": "p", "tags": TAGS}, "iam:TagPolicy"),
        # each service's own page, or the operation's
        ("lambda", "CreateFunction20150331", {"functionName": "f", "tags": {"a": "b"}}, "lambda:TagResource"),
        ("ecs", "RunTask", {"taskDefinition": "t", "tags": TAGS}, "ecs:TagResource"),
        ("sqs", "CreateQueue", {"queueName": "q", "tags": {"a": "b"}}, "sqs:TagQueue"),
        ("sns", "CreateTopic", {"name": "t", "tags": TAGS}, "sns:TagResource"),
        ("kms", "CreateKey", {"tags": [{"tagKey": "a", "tagValue": "b"}]}, "kms:TagResource"),
        ("dynamodb", "CreateTable", {"tableName": "t", "tags": TAGS}, "dynamodb:TagResource"),
        ("secretsmanager", "CreateSecret", {"name": "s", "tags": TAGS}, "secretsmanager:TagResource"),
        ("rds", "CreateDBInstance", {"dBInstanceIdentifier": "d", "tags": TAGS}, "rds:AddTagsToResource"),
        ("logs", "CreateLogGroup", {"logGroupName": "g", "tags": {"a": "b"}}, "logs:TagResource"),
        ("ssm", "PutParameter", {"name": "p", "tags": TAGS}, "ssm:AddTagsToResource"),
        ("events", "PutRule", {"name": "r", "tags": TAGS}, "events:TagResource"),
        ("cloudtrail", "CreateTrail", {"name": "t", "tagsList": TAGS}, "cloudtrail:AddTags"),
        # "Required permissions for Amazon S3 API operations", "API CreateBucket"
        ("s3", "PutObject", {"bucketName": "b", "key": "k", "x-amz-tagging": "a=b"}, "s3:PutObjectTagging"),
        ("s3", "PutObject", {"bucketName": "b", "key": "k", "x-amz-acl": "bucket-owner-full-control"},
         "s3:PutObjectAcl"),
        ("s3", "CreateMultipartUpload", {"bucketName": "b", "key": "k", "x-amz-grant-read": "id=1"},
         "s3:PutObjectAcl"),
        ("s3", "PutObject", {"bucketName": "b", "key": "k", "x-amz-object-lock-mode": "COMPLIANCE"},
         "s3:PutObjectRetention"),
        ("s3", "PutObject", {"bucketName": "b", "key": "k", "x-amz-object-lock-legal-hold": "ON"},
         "s3:PutObjectLegalHold"),
        ("s3", "DeleteObject", {"bucketName": "b", "key": "k", "x-amz-bypass-governance-retention": "true"},
         "s3:BypassGovernanceRetention"),
        ("s3", "CreateBucket", {"bucketName": "b", "x-amz-acl": "public-read"}, "s3:PutBucketAcl"),
        ("s3", "CreateBucket", {"bucketName": "b", "x-amz-bucket-object-lock-enabled": "true"},
         "s3:PutBucketObjectLockConfiguration"),
        ("s3", "CreateBucket", {"bucketName": "b", "x-amz-object-ownership": "ObjectWriter"},
         "s3:PutBucketOwnershipControls"),
        # EC2 User Guide, "Reference AMIs using Systems Manager parameters"
        ("ec2", "RunInstances", {"instancesSet": {"items": [{"imageId": "resolve:ssm:/golden"}]}}, "ssm:GetParameters"),
    ],
)  # fmt: skip
def test_what_a_request_carries_needs_more(source: str, name: str, request_: dict[str, Any], needed: str) -> None:
    assert asked(source, name, requestParameters=request_)[needed] == "inferred"
    assert needed not in asked(source, name, requestParameters={"bucketName": "b"})


@pytest.mark.parametrize(
    ("source", "name", "request_"),
    [
        ("ec2", "DescribeInstances", {"tagSpecificationSet": {"items": [{"tags": TAGS}]}}),
        ("rds", "AddTagsToResource", {"resourceName": "x", "tags": TAGS}),
        ("ec2", "CreateTags", {"tagSet": {"items": TAGS}}),
        ("s3", "CreateBucket", {"bucketName": "b", "x-amz-acl": "private"}),
        ("iam", "CreateRole", {"roleName": "r", "tags": []}),
    ],
)
def test_what_needs_no_more(source: str, name: str, request_: dict[str, Any]) -> None:
    assert list(asked(source, name, requestParameters=request_).values()) == ["exact"]


@pytest.mark.parametrize(
    ("source", "name", "request_"),
    [
        ("iam", "AddRoleToInstanceProfile", {"instanceProfileName": "p", "roleName": "r"}),
        (
            "ec2",
            "AssociateIamInstanceProfile",
            {"AssociateIamInstanceProfileRequest": {"IamInstanceProfile": {"Name": "p"}, "InstanceId": "i-1"}},
        ),
        ("elasticmapreduce", "RunJobFlow", {"serviceRole": "EMR_DefaultRole", "jobFlowRole": "EMR_EC2_DefaultRole"}),
        ("redshift", "CreateCluster", {"iamRoles": [PASSED]}),
        ("s3", "PutBucketReplication", {"bucketName": "b", "ReplicationConfiguration": {"Role": PASSED}}),
        ("apigateway", "PutIntegration", {"restApiId": "a", "credentials": PASSED}),
        ("cloudformation", "DeleteStack", {"stackName": "s", "roleARN": PASSED}),
        ("codebuild", "CreateProject", {"serviceRole": PASSED}),
        ("eks", "CreateCluster", {"name": "c", "roleArn": PASSED}),
        ("monitoring", "PutMetricStream", {"name": "m", "roleArn": PASSED}),
    ],
)
def test_calls_that_pass_a_role(source: str, name: str, request_: dict[str, Any]) -> None:
    assert asked(source, name, requestParameters=request_)["iam:PassRole"] == "inferred"


def test_session_tags_and_source_identity() -> None:
    request = {"roleArn": PASSED, "tags": [{"key": "team", "value": "x"}], "sourceIdentity": "ann"}
    assert asked("sts", "AssumeRole", requestParameters=request) == {
        "sts:AssumeRole": "exact",
        "sts:SetSourceIdentity": "inferred",
        "sts:TagSession": "inferred",
    }


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"eventSource": "sts.amazonaws.com", "eventName": "GetCallerIdentity"}, "no permissions are required"),
        ({"eventSource": "sts.amazonaws.com", "eventName": "GetSessionToken"}, "no permissions are required"),
        ({"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin"}, "a sign-in is no call"),
        ({"eventSource": "signin.amazonaws.com", "eventName": "SwitchRole"}, "a sign-in event"),
        ({"eventSource": "signin.amazonaws.com", "eventName": "CheckMfa"}, "a sign-in event"),
        ({"eventSource": "cognito-idp.amazonaws.com", "eventName": "InitiateAuth"}, "no IAM policy is evaluated"),
        ({"eventSource": "cognito-idp.amazonaws.com", "eventName": "SignUp"}, "no IAM policy is evaluated"),
        ({"eventSource": "sso.amazonaws.com", "eventName": "CreateToken"}, "an OIDC call"),
        ({"eventSource": "sso-oauth.amazonaws.com", "eventName": "RegisterClient"}, "an OIDC call"),
        ({"eventSource": "sso.amazonaws.com", "eventName": "ListAccounts"}, "authorised by an access token"),
        ({"eventSource": "codecatalyst.amazonaws.com", "eventName": "CreateDevEnvironment"}, "a bearer token"),
        ({"eventSource": "kms.amazonaws.com", "eventName": "RotateKey", "eventType": "AwsServiceEvent"}, "by AWS"),
        ({"eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances", "eventCategory": "NetworkActivity"},
         "the call has an event of its own"),
    ],
)  # fmt: skip
def test_no_action(event: dict[str, str], why: str) -> None:
    mapped = MAPPER.map_event(event)
    assert (mapped.state, mapped.actions) == ("no_action", ()), why


@pytest.mark.parametrize(
    ("source", "name"),
    [("nosuch", "DoThing"), ("s3", "GetStorageLensDashboardDataInternal"), ("ec2", "NoSuchCall"), ("ec2", "*")],
)
def test_what_nobody_knows_is_unmapped(source: str, name: str) -> None:
    mapped = MAPPER.map_event({"eventSource": f"{source}.amazonaws.com", "eventName": name})
    assert (mapped.state, mapped.actions) == ("unmapped", ())


def test_aws_s_own_denial_is_heard() -> None:
    message = (
        "User: arn:aws:iam::1:user/u is not authorized to perform: iam:PassRole on resource: "
        f"{PASSED} because no identity-based policy allows the iam:PassRole action"
    )
    event = {"eventSource": "ec2.amazonaws.com", "eventName": "RunInstances", "errorMessage": message}
    denied = MAPPER.map_event(event).actions[-1]
    assert (denied.action, denied.basis, denied.resources) == ("iam:PassRole", "message", (PASSED,))


def test_every_row_of_the_table_is_sound() -> None:
    """Every right-hand side exists in the catalogue in AWS's spelling, every row has a source, none is said twice."""
    known, table = MAPPER.catalogue, MAPPER.table
    for source, prefix, page in table["prefixes"]:
        assert prefix in known.services and page, source
        assert source not in known.services, f"{source} is a prefix of its own"
    for kind in ("rules", "inferred", "tags"):
        said: Counter[tuple[object, ...]] = Counter()
        for service, events, actions, page, *member in table[kind]:
            assert service in known.services and page and actions and events, (service, events)
            for action in listed(actions):
                assert known.canonical(action) == action, (service, events)
                said.update(
                    (service, event.lower(), *member, *([action] * (kind != "rules"))) for event in listed(events)
                )
            assert len(member) <= 1
        if kind == "rules":
            # A rule's actions are said together: only its first counts.
            said = Counter((row[0], e.lower(), *row[4:]) for row in table[kind] for e in listed(row[1]))
        assert max(said.values()) == 1, said.most_common(1)
    for action, page in table["passes_role"]:
        assert known.canonical(action) == action and page
    assert all(len(row) == 3 and row[2] for row in table["no_action"])


def test_no_row_repeats_what_the_catalogue_says() -> None:
    """A row for a call spelt as its action, or for a role the reference says is passed, would only hide a change."""
    known, table = MAPPER.catalogue, MAPPER.table
    for service, events, actions, _, *member in table["rules"]:
        for event in listed(events):
            assert member or [f"{service}:{event}".lower()] != [each.lower() for each in actions], event
    says = {known.actions[place] for place, needs in known.dependents.items() if "iam:PassRole" in needs}
    assert not [action for action, _ in table["passes_role"] if action in says]
    for service, events, action, _ in table["tags"]:
        for event in listed(events):
            place = known.index.get(f"{service}:{event}".lower())
            assert place is None or action not in known.dependents.get(place, ()), event


@pytest.mark.real_logs
def test_real_logs_map(real_logs: Path) -> None:
    """At least 99.5 % of API calls are known, and AWS's own denials agree with the mapping."""
    states: Counter[str] = Counter()
    unmapped: Counter[str] = Counter()
    for file in sorted(real_logs.glob("*/*.json")):
        for record in json.loads(file.read_text())["Records"]:
            mapped = MAPPER.map_event(record)
            denied, _ = MAPPER.denied_action(record.get("errorMessage") or "")
            if denied:
                assert denied in {each.action for each in mapped.actions if each.basis != "message"}
            if record.get("eventType") == "AwsApiCall":
                states[mapped.state] += 1
                if mapped.state == "unmapped":
                    unmapped[f"{record['eventSource']} {record['eventName']}"] += 1
    print(dict(states), dict(unmapped))
    assert states.total() and states["unmapped"] / states.total() <= 0.005, unmapped
