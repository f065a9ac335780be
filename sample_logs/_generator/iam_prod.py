"""IAM of the production account: its people, its machines, and what each may do.

Some are wrong on purpose; `planted_access` says which, and what a good engineer would write instead.
"""

from __future__ import annotations

from .world import (
    ARTIFACTS,
    DEV,
    EXPORTS,
    OIDC,
    PROD,
    SAML,
    VENDOR,
    Group,
    Key,
    Policy,
    Role,
    User,
    document,
    statement,
)

BUCKET = f"arn:aws:s3:::{EXPORTS}"
DATA_KEY = f"arn:aws:kms:*:{PROD}:key/4f0c6d1e-2b7a-4c58-9e13-5a7d90b1c2e4"
SSM_KEY = f"arn:aws:kms:*:{PROD}:key/91d7a3b2-6c40-4e8f-b5d9-0e2f4a6c8b17"
TABLE = f"arn:aws:dynamodb:us-east-1:{PROD}:table/orders"
MANAGED = "arn:aws:iam::aws:policy/"
EXPORTER = f"arn:aws:iam::{PROD}:user/service/report-exporter"
READER = f"arn:aws:iam::{PROD}:role/analytics/warehouse-reader"
PUBLISHER = f"arn:aws:iam::{PROD}:role/release/artifact-publisher"
SSO_PATH = "/aws-reserved/sso.amazonaws.com/eu-west-1/"


def trusts(service: str) -> tuple[dict[str, object], ...]:
    """A trust policy's statement for a service."""
    return ({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"},)


def trusts_role(arn: str, **condition: object) -> tuple[dict[str, object], ...]:
    """A trust policy's statement for a principal."""
    return ({"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole", **condition},)


def trusts_oidc(account: str, subject: str) -> tuple[dict[str, object], ...]:
    """A trust policy's statement for the pipelines of one repository."""
    provider = {"Federated": f"arn:aws:iam::{account}:oidc-provider/{OIDC}"}
    condition = {
        "StringEquals": {f"{OIDC}:aud": "sts.amazonaws.com"},
        "StringLike": {f"{OIDC}:sub": subject},
    }
    action = "sts:AssumeRoleWithWebIdentity"
    return ({"Effect": "Allow", "Principal": provider, "Action": action, "Condition": condition},)


def trusts_sso(account: str) -> tuple[dict[str, object], ...]:
    """The trust policy that IAM Identity Center writes into the roles it provisions."""
    provider = {"Federated": f"arn:aws:iam::{account}:saml-provider/{SAML}"}
    condition = {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}
    action = ["sts:AssumeRoleWithSAML", "sts:TagSession"]
    return ({"Effect": "Allow", "Principal": provider, "Action": action, "Condition": condition},)


GROUPS = (
    Group(PROD, "platform-engineers", "2024-02-12T09:11:40+00:00", attached=("platform-read", "IAMUserChangePassword")),
    Group(
        PROD,
        "support-agents",
        "2024-05-03T13:20:05+00:00",
        inline={
            "support-desk": document(
                statement(["dynamodb:ListTables", "dynamodb:DescribeTable", "cloudwatch:GetDashboard"]),
                statement(["logs:DescribeLogGroups", "logs:FilterLogEvents"]),
            )
        },
    ),
    Group(
        PROD,
        "finance-readers",
        "2024-05-03T13:24:51+00:00",
        inline={
            "costs": document(
                statement(["ce:GetCostAndUsage", "ce:GetCostForecast", "budgets:ViewBudget"], sid="Costs"),
                statement(["cur:DescribeReportDefinitions", "s3:ListAllMyBuckets"], sid="Reports"),
            )
        },
    ),
)

USERS = (
    User(
        PROD,
        "alice.moreau",
        "2024-02-12T09:15:02+00:00",
        groups=("platform-engineers",),
        password_set="2026-08-20T08:02:11+00:00",
        mfa=True,
        keys=(Key("2026-08-20T08:05:43+00:00"),),
    ),
    User(
        PROD,
        "dmitri.volkov",
        "2023-11-02T15:40:26+00:00",
        attached=("AdministratorAccess",),
        password_set="2026-07-01T07:30:00+00:00",
        mfa=True,
        keys=(Key("2026-09-04T11:21:09+00:00"),),
    ),
    User(
        PROD,
        "erin.nakamura",
        "2025-01-15T10:04:33+00:00",
        groups=("support-agents",),
        password_set="2026-06-11T09:44:10+00:00",
    ),
    User(
        PROD,
        "farah.osei",
        "2024-03-08T08:55:19+00:00",
        inline={
            "stack-operator": document(
                statement(
                    ["cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet"]
                    + ["cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks"]
                    + ["cloudformation:ExecuteChangeSet", "cloudformation:GetTemplate", "cloudformation:ListStacks"]
                )
            )
        },
        password_set="2026-05-18T14:12:45+00:00",
        mfa=True,
        keys=(
            Key("2026-08-31T06:50:12+00:00"),
            Key("2024-03-08T09:01:57+00:00", last_used=("2025-09-16T10:45:00+00:00", "eu-west-1", "cloudformation")),
        ),
    ),
    User(
        PROD,
        "legacy-backup",
        "2022-06-21T12:00:48+00:00",
        path="/service/",
        inline={"backup": document(statement(["s3:GetObject", "s3:ListBucket"], [f"arn:aws:s3:::{ARTIFACTS}/*"]))},
        password_set="2022-06-21T12:01:30+00:00",
        password_used=None,
        keys=(Key("2022-06-21T12:02:10+00:00", last_used=("2025-02-03T02:15:00+00:00", "us-east-1", "s3")),),
    ),
    User(
        PROD,
        "noor.haddad",
        "2025-03-24T07:48:00+00:00",
        groups=("finance-readers",),
        password_set="2026-09-10T08:15:59+00:00",
        mfa=True,
    ),
    User(
        PROD,
        "report-exporter",
        "2025-04-02T16:31:20+00:00",
        path="/service/",
        inline={
            "export-reports": document(
                statement("s3:ListBucket", BUCKET),
                statement(["s3:GetObject", "s3:PutObject"], f"{BUCKET}/reports/*"),
                statement(["kms:Decrypt", "kms:GenerateDataKey"], DATA_KEY),
            ),
            # Meant for rotating its own key; the two policy actions make it an administrator in one call.
            "own-credentials": document(
                statement(
                    ["iam:AttachUserPolicy", "iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:DetachUserPolicy"]
                    + ["iam:GetUser", "iam:ListAccessKeys", "iam:UpdateAccessKey"],
                    EXPORTER,
                )
            ),
        },
        keys=(Key("2026-03-17T05:58:34+00:00"),),
    ),
)

ROLES = (
    Role(
        PROD,
        "ci-deploy",
        "2024-04-11T10:20:30+00:00",
        trusts_oidc(PROD, "repo:orchard/orders-api:ref:refs/heads/main"),
        path="/ci/",
        inline={
            "deploy": document(
                statement(["cloudformation:*", "lambda:*", "ecr:*"], sid="Pipelines"),
                statement(["iam:CreateUser", "iam:TagRole", "ec2:*"], sid="Historical"),
                statement("iam:PassRole", f"arn:aws:iam::{PROD}:role/service-role/*", sid="Pass"),
            )
        },
        boundary="ci-boundary",
        description="Deploys orders-api from its main branch",
    ),
    Role(
        PROD,
        "orders-api",
        "2024-04-12T08:00:10+00:00",
        trusts("lambda.amazonaws.com"),
        path="/service-role/",
        inline={
            "orders-table": document(statement("dynamodb:*", [TABLE, f"{TABLE}/index/*"])),
            "orders-secret": document(
                statement("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:*:{PROD}:secret:orders/*"),
                statement("kms:Decrypt", SSM_KEY),
            ),
        },
        attached=("AWSLambdaBasicExecutionRole",),
    ),
    Role(
        PROD,
        "payments-worker",
        "2025-02-19T09:33:00+00:00",
        trusts("lambda.amazonaws.com"),
        path="/service-role/",
        inline={
            "everything-but-identity": document(
                {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"}
            )
        },
    ),
    Role(
        PROD,
        "nightly-snapshots",
        "2024-09-09T17:02:44+00:00",
        trusts("lambda.amazonaws.com"),
        path="/automation/",
        inline={
            "snapshots": document(
                statement(["ec2:CreateSnapshot", "ec2:CreateTags", "ec2:DeleteSnapshot"]),
                statement(["ec2:DescribeSnapshots", "ec2:DescribeVolumes"]),
            )
        },
        attached=("AWSLambdaBasicExecutionRole",),
    ),
    Role(
        PROD,
        "etl-batch",
        "2024-06-27T11:11:11+00:00",
        trusts("ec2.amazonaws.com"),
        inline={
            "exports": document(statement("s3:*", [BUCKET, f"{BUCKET}/*"], sid="Exports")),
            "exports-key": document(statement(["kms:Decrypt", "kms:GenerateDataKey"], DATA_KEY)),
        },
        profile="etl-batch",
    ),
    Role(
        PROD,
        "web-frontend",
        "2024-06-27T11:15:36+00:00",
        trusts("ec2.amazonaws.com"),
        inline={
            "web-settings": document(
                statement("ssm:GetParameter", f"arn:aws:ssm:*:{PROD}:parameter/web/*"),
                statement("kms:Decrypt", SSM_KEY),
            )
        },
        attached=("AmazonSSMManagedInstanceCore",),
        profile="web-frontend",
    ),
    Role(
        PROD,
        "warehouse-reader",
        "2025-01-07T13:42:05+00:00",
        trusts_role(f"arn:aws:iam::{PROD}:role{SSO_PATH}AWSReservedSSO_DataAnalyst_2c9d41b6e0f75a83"),
        path="/analytics/",
        inline={
            "orders-warehouse": document(
                statement(
                    ["athena:GetQueryExecution", "athena:GetQueryResults", "athena:StartQueryExecution"],
                    f"arn:aws:athena:*:{PROD}:workgroup/analysts",
                ),
                statement(["glue:GetDatabases", "glue:GetTable"]),
                statement("s3:ListBucket", BUCKET),
                statement("s3:GetObject", f"{BUCKET}/curated/*"),
                statement("kms:Decrypt", DATA_KEY),
            )
        },
    ),
    Role(
        PROD,
        "release-promoter",
        "2025-05-20T09:00:00+00:00",
        trusts_role(f"arn:aws:iam::{DEV}:role/ci/ci-integration"),
        path="/release/",
        inline={"promote": document(statement("sts:AssumeRole", PUBLISHER))},
    ),
    Role(
        PROD,
        "artifact-publisher",
        "2025-05-20T09:04:12+00:00",
        trusts_role(f"arn:aws:iam::{PROD}:role/release/release-promoter"),
        path="/release/",
        inline={
            "publish": document(
                statement(["ecr:BatchGetImage", "ecr:PutImage"], f"arn:aws:ecr:*:{PROD}:repository/orders-api"),
                statement("s3:PutBucketTagging", f"arn:aws:s3:::{ARTIFACTS}"),
            )
        },
    ),
    Role(
        PROD,
        "vendor-monitoring",
        "2025-06-02T14:25:00+00:00",
        trusts_role(f"arn:aws:iam::{VENDOR}:root", Condition={"StringEquals": {"sts:ExternalId": "orchard-5b1f"}}),
        path="/vendors/",
        inline={
            "inventory": document(
                statement(["cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "ec2:DescribeInstances"]),
                statement(["lambda:ListFunctions", "rds:DescribeDBInstances", "sqs:ListQueues"]),
            )
        },
    ),
    Role(
        PROD,
        "datacentre-migration",
        "2024-01-30T12:12:12+00:00",
        trusts("ec2.amazonaws.com"),
        attached=("AdministratorAccess",),
        profile="datacentre-migration",
        last_used=None,
        description="For the move out of the data centre, January 2024",
    ),
    Role(
        PROD,
        "AWSReservedSSO_PlatformAdmin_7a1e5c3b9d2f4068",
        "2024-10-01T08:00:00+00:00",
        trusts_sso(PROD),
        path=SSO_PATH,
        attached=("AdministratorAccess",),
        hours=8,
    ),
    Role(
        PROD,
        "AWSReservedSSO_DataAnalyst_2c9d41b6e0f75a83",
        "2024-10-01T08:00:04+00:00",
        trusts_sso(PROD),
        path=SSO_PATH,
        inline={
            "AwsSSOInlinePolicy": document(
                statement("sts:AssumeRole", READER), statement(["s3:ListAllMyBuckets", "glue:GetDatabases"])
            )
        },
        hours=8,
    ),
    Role(
        PROD,
        "AWSReservedSSO_SecurityAudit_e4b80f6a1c27d935",
        "2024-10-01T08:00:09+00:00",
        trusts_sso(PROD),
        path=SSO_PATH,
        inline={
            "AwsSSOInlinePolicy": document(
                statement(["s3:GetBucketAcl", "s3:GetBucketPolicy", "s3:GetEncryptionConfiguration"]),
                statement(["kms:DescribeKey", "kms:ListKeys", "s3:ListAllMyBuckets"]),
            )
        },
        attached=("IAMReadOnlyAccess", "AWSCloudTrail_ReadOnlyAccess"),
        hours=8,
    ),
    Role(
        PROD,
        "AWSServiceRoleForAutoScaling",
        "2023-10-10T10:10:10+00:00",
        trusts("autoscaling.amazonaws.com"),
        path="/aws-service-role/autoscaling.amazonaws.com/",
        attached=("AutoScalingServiceRolePolicy",),
    ),
    Role(
        PROD,
        "AWSServiceRoleForSSO",
        "2024-09-30T16:45:12+00:00",
        trusts("sso.amazonaws.com"),
        path="/aws-service-role/sso.amazonaws.com/",
        attached=("AWSSSOServiceRolePolicy",),
    ),
)

POLICIES = (
    Policy(
        PROD,
        "platform-read",
        "2024-02-12T09:10:00+00:00",
        document(
            statement(["ec2:Describe*", "lambda:GetFunction*", "lambda:ListFunctions", "autoscaling:Describe*"]),
            statement(["logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:StartQuery", "logs:GetQueryResults"]),
            statement(["cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:ListMetrics"]),
            statement(["iam:GetRole", "iam:GetRolePolicy", "iam:ListRoles", "iam:ListAttachedRolePolicies"]),
            statement(["ssm:DescribeParameters", "sqs:ListQueues", "sns:ListTopics"]),
        ),
        older=(document(statement(["ec2:Describe*", "logs:Describe*"])),),
    ),
    Policy(
        PROD,
        "ci-boundary",
        "2024-04-11T10:00:00+00:00",
        document(
            statement(["cloudformation:*", "ecr:*", "lambda:*", "logs:*", "s3:*"], sid="WhatPipelinesMayReach"),
            statement(
                ["iam:PassRole", "iam:TagRole"], f"arn:aws:iam::{PROD}:role/service-role/*", sid="RolesOfFunctions"
            ),
        ),
    ),
)
