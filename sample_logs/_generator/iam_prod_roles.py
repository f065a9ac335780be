"""Roles of the production account.

Some are wrong on purpose; `planted_access` says which, and what a good engineer would write instead.
"""

from __future__ import annotations

from .iam_trust import trusts, trusts_oidc, trusts_role, trusts_sso
from .world import ARTIFACTS, DEV, EXPORTS, PROD, SSO_PATH, VENDOR, Role, document, statement

BUCKET = f"arn:aws:s3:::{EXPORTS}"
DATA_KEY = f"arn:aws:kms:*:{PROD}:key/4f0c6d1e-2b7a-4c58-9e13-5a7d90b1c2e4"
SSM_KEY = f"arn:aws:kms:*:{PROD}:key/91d7a3b2-6c40-4e8f-b5d9-0e2f4a6c8b17"
TABLE = f"arn:aws:dynamodb:us-east-1:{PROD}:table/orders"
READER = f"arn:aws:iam::{PROD}:role/analytics/warehouse-reader"
PUBLISHER = f"arn:aws:iam::{PROD}:role/release/artifact-publisher"

ROLES = (
    Role(
        PROD,
        "ci-deploy",
        "2024-04-11T10:20:30+00:00",
        trusts_oidc(PROD, "repo:orchard/orders-api:ref:refs/heads/main"),
        path="/ci/",
        inline={
            "deploy": document(
                statement("cloudformation:* lambda:* ecr:*", sid="Pipelines"),
                statement("iam:CreateUser iam:TagRole ec2:*", sid="Historical"),
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
                statement("ec2:CreateSnapshot ec2:CreateTags ec2:DeleteSnapshot"),
                statement("ec2:DescribeSnapshots ec2:DescribeVolumes"),
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
            "exports-key": document(statement("kms:Decrypt kms:GenerateDataKey", DATA_KEY)),
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
                    "athena:GetQueryExecution athena:GetQueryResults athena:StartQueryExecution",
                    f"arn:aws:athena:*:{PROD}:workgroup/analysts",
                ),
                statement("glue:GetDatabases glue:GetTable"),
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
                statement("ecr:BatchGetImage ecr:PutImage", f"arn:aws:ecr:*:{PROD}:repository/orders-api"),
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
                statement("cloudwatch:GetMetricData cloudwatch:ListMetrics ec2:DescribeInstances"),
                statement("lambda:ListFunctions rds:DescribeDBInstances sqs:ListQueues"),
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
                statement("sts:AssumeRole", READER), statement("s3:ListAllMyBuckets glue:GetDatabases")
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
                statement("s3:GetBucketAcl s3:GetBucketPolicy s3:GetEncryptionConfiguration"),
                statement("kms:DescribeKey kms:ListKeys s3:ListAllMyBuckets"),
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
