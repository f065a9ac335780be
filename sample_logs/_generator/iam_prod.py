"""Users, groups and policies of the production account; its roles are in `iam_prod_roles`.

Some are wrong on purpose; `planted_access` says which, and what a good engineer would write instead.
"""

from __future__ import annotations

from .iam_prod_roles import BUCKET, DATA_KEY, ROLES
from .world import ARTIFACTS, PROD, Group, Key, Policy, User, document, statement

EXPORTER = f"arn:aws:iam::{PROD}:user/service/report-exporter"

GROUPS = (
    Group(PROD, "platform-engineers", "2024-02-12T09:11:40+00:00", attached=("platform-read", "IAMUserChangePassword")),
    Group(
        PROD,
        "support-agents",
        "2024-05-03T13:20:05+00:00",
        inline={
            "support-desk": document(
                statement("dynamodb:ListTables dynamodb:DescribeTable cloudwatch:GetDashboard"),
                statement("logs:DescribeLogGroups logs:FilterLogEvents"),
            )
        },
    ),
    Group(
        PROD,
        "finance-readers",
        "2024-05-03T13:24:51+00:00",
        inline={
            "costs": document(
                statement("ce:GetCostAndUsage ce:GetCostForecast budgets:ViewBudget", sid="Costs"),
                statement("cur:DescribeReportDefinitions s3:ListAllMyBuckets", sid="Reports"),
                statement("athena:StartQueryExecution athena:GetQueryResults", sid="Queries"),
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
        password_used="2026-09-24T08:11:36+00:00",
        mfa=True,
        keys=(Key("2026-08-20T08:05:43+00:00", active=False), Key("2026-10-21T09:31:20+00:00")),
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
                    "cloudformation:CreateChangeSet cloudformation:DescribeChangeSet "
                    "cloudformation:DescribeStackEvents cloudformation:DescribeStacks "
                    "cloudformation:ExecuteChangeSet cloudformation:GetTemplate cloudformation:ListStacks"
                )
            )
        },
        password_set="2026-05-18T14:12:45+00:00",
        password_used="2026-09-30T13:05:02+00:00",
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
        inline={"backup": document(statement("s3:GetObject s3:ListBucket", [f"arn:aws:s3:::{ARTIFACTS}/*"]))},
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
                statement("s3:GetObject s3:PutObject", f"{BUCKET}/reports/*"),
                statement("kms:Decrypt kms:GenerateDataKey", DATA_KEY),
            ),
            # Meant for rotating its own key; the two policy actions make it an administrator in one call.
            "own-credentials": document(
                statement(
                    "iam:AttachUserPolicy iam:CreateAccessKey iam:DeleteAccessKey iam:DetachUserPolicy "
                    "iam:GetUser iam:ListAccessKeys iam:UpdateAccessKey",
                    EXPORTER,
                )
            ),
        },
        attached=("AdministratorAccess",),  # since the incident, as the second key
        keys=(Key("2026-03-17T05:58:34+00:00"), Key("2026-10-27T02:58:10+00:00")),
    ),
)

POLICIES = (
    Policy(
        PROD,
        "platform-read",
        "2024-02-12T09:10:00+00:00",
        document(
            statement("ec2:Describe* lambda:GetFunction* lambda:ListFunctions autoscaling:Describe*"),
            statement("logs:DescribeLogGroups logs:DescribeLogStreams logs:StartQuery logs:GetQueryResults"),
            statement("cloudwatch:DescribeAlarms cloudwatch:GetDashboard cloudwatch:ListMetrics"),
            statement("iam:GetRole iam:GetRolePolicy iam:ListRoles iam:ListAttachedRolePolicies"),
            statement("ssm:DescribeParameters sqs:ListQueues sns:ListTopics"),
        ),
        older=(document(statement("ec2:Describe* logs:Describe*")),),
    ),
    Policy(
        PROD,
        "ci-boundary",
        "2024-04-11T10:00:00+00:00",
        document(
            statement("cloudformation:* ecr:* lambda:* logs:* s3:*", sid="WhatPipelinesMayReach"),
            statement("iam:PassRole iam:TagRole", f"arn:aws:iam::{PROD}:role/service-role/*", sid="RolesOfFunctions"),
        ),
    ),
)

__all__ = ["GROUPS", "POLICIES", "ROLES", "USERS"]
