"""What CloudTrail can show: data events, actions without any event, and a list that is up to date."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from pipeline.iam import refresh
from pipeline.iam.observable import observability

OBSERVE = observability()


def place(action: str) -> int:
    return OBSERVE.catalogue.index[action.lower()]


@pytest.mark.parametrize(
    "action",
    ["iam:PassRole", "s3:BypassGovernanceRetention", "s3:ReplicateObject", "execute-api:Invoke", "rds-db:connect",
     "kafka-cluster:Connect", "es:ESHttpGet", "lambda:EnableReplication", "cloudformation:TagResource",
     "cloudsearch:document", "cloudsearch:search", "neptune-db:CancelQuery", "execute-api:ManageConnections"],
)  # fmt: skip
def test_no_event_exists(action: str) -> None:
    assert place(action) in OBSERVE.silent


@pytest.mark.parametrize(
    "action",
    ["ec2:RunInstances", "iam:CreateUser", "s3:CreateBucket", "s3:ListAllMyBuckets", "s3:PutEncryptionConfiguration",
     "kms:ReEncryptFrom", "apigateway:GET", "budgets:ViewBudget", "s3:GetObject", "s3:ListBucket",
     "lambda:InvokeFunction", "dynamodb:PartiQLSelect", "sts:AssumeRole", "cloudwatch:PutMetricAlarm",
     "bcm-pricing-calculator:CreateWorkloadEstimateUsage", "dms:ListDataProviders", "cassandra:Create"],
)  # fmt: skip
def test_an_event_exists(action: str) -> None:
    assert place(action) not in OBSERVE.silent


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("s3:GetObject", "AWS::S3::Object"),
        ("s3:ListBucket", "AWS::S3::Object"),
        ("s3:GetBucketAcl", None),
        ("s3:GetBucketObjectLockConfiguration", None),
        ("lambda:InvokeFunction", "AWS::Lambda::Function"),
        ("lambda:GetFunction", None),
        ("dynamodb:Query", "AWS::DynamoDB::Table"),
        ("dynamodb:DescribeTable", None),
        ("sqs:SendMessage", "AWS::SQS::Queue"),
        ("sqs:CreateQueue", None),
        ("sns:Publish", "AWS::SNS::Topic"),
        ("kinesis:PutRecord", "AWS::Kinesis::Stream"),
        ("bedrock:InvokeModel", None),
    ],
)
def test_data_events(action: str, kind: str | None) -> None:
    found = [each.resource_type for each in OBSERVE.data_events if each.bits >> place(action) & 1]
    assert found == ([kind] if kind else [])


def test_every_pattern_names_something_and_says_why() -> None:
    for rows in OBSERVE._table.values():
        for patterns, why, *_ in rows:
            assert isinstance(patterns, list) and why
            assert all(OBSERVE.catalogue.match(str(pattern)) for pattern in patterns), patterns


def test_the_list_of_actions_without_api_is_up_to_date() -> None:
    """After an upgrade of policy_sentry or botocore: python -m pipeline.iam.refresh."""
    kept = json.loads(resources.files("pipeline.iam").joinpath("data/no_api.json").read_text("utf-8"))
    made = refresh.without_api(OBSERVE.mapper)
    assert made == kept
