"""IAM of the development account, and the service control policy above both accounts."""

from __future__ import annotations

from .iam_trust import trusts, trusts_oidc, trusts_sso
from .world import DEV, PROD, SSO_PATH, Group, Key, Policy, Role, User, document, statement

PROMOTER = f"arn:aws:iam::{PROD}:role/release/release-promoter"

GROUPS = (
    Group(
        DEV,
        "developers",
        "2024-02-14T10:00:00+00:00",
        inline={
            "sandbox": document(
                statement("dynamodb:DescribeTable dynamodb:ListTables logs:DescribeLogGroups"),
                statement("lambda:GetFunction lambda:ListFunctions logs:FilterLogEvents"),
            )
        },
    ),
)

USERS = (
    User(
        DEV,
        "jonas.lind",
        "2024-02-14T10:10:27+00:00",
        inline={"own-functions": document(statement("lambda:UpdateFunctionCode lambda:GetFunction"))},
        attached=("AmazonEC2ReadOnlyAccess",),
        password_set="2026-09-01T07:00:00+00:00",
        password_used="2026-09-29T06:40:18+00:00",
        mfa=True,
        keys=(Key("2026-09-01T07:04:12+00:00"),),
    ),
    User(
        DEV,
        "priya.raman",
        "2025-08-18T06:30:00+00:00",
        groups=("developers",),
        password_set="2026-08-19T06:31:40+00:00",
        mfa=True,
    ),
    User(
        DEV,
        "jenkins",
        "2023-05-09T11:45:54+00:00",
        path="/service/",
        inline={
            "registry": document(
                statement("ecr:GetAuthorizationToken"),
                statement(
                    "ecr:BatchCheckLayerAvailability ecr:CompleteLayerUpload ecr:InitiateLayerUpload "
                    "ecr:PutImage ecr:UploadLayerPart",
                    f"arn:aws:ecr:*:{DEV}:repository/orders-api",
                ),
            )
        },
        keys=(Key("2024-02-27T09:12:00+00:00"), Key("2025-11-12T15:30:41+00:00")),
    ),
)

ROLES = (
    Role(
        DEV,
        "ci-integration",
        "2025-05-19T15:00:00+00:00",
        trusts_oidc(DEV, "repo:orchard/orders-api:*"),
        path="/ci/",
        inline={
            "integration": document(
                statement("cloudformation:DescribeStackEvents cloudformation:DescribeStacks"),
                statement("ecr:BatchGetImage ecr:DescribeRepositories ecr:GetAuthorizationToken"),
                statement("sts:AssumeRole", PROMOTER),
            )
        },
    ),
    Role(
        DEV,
        "sandbox-api",
        "2025-05-19T15:20:00+00:00",
        trusts("lambda.amazonaws.com"),
        path="/service-role/",
        inline={"sandbox-table": document(statement("dynamodb:DescribeTable dynamodb:DescribeTimeToLive"))},
        attached=("AWSLambdaBasicExecutionRole",),
    ),
    Role(
        DEV,
        "dev-runner",
        "2025-06-11T08:08:08+00:00",
        trusts("ec2.amazonaws.com"),
        attached=("AmazonSSMManagedInstanceCore",),
        profile="dev-runner",
    ),
    Role(
        DEV,
        "ml-experiments",
        "2026-02-03T09:30:00+00:00",
        trusts("sagemaker.amazonaws.com"),
        path="/research/",
        inline={
            "experiments": document(
                statement("bedrock:*", sid="Models"),
                statement("sagemaker:DescribeTrainingJob sagemaker:ListTrainingJobs", sid="Training"),
            )
        },
    ),
    Role(
        DEV,
        "search-proof-of-concept",
        "2024-11-05T13:00:00+00:00",
        trusts("lambda.amazonaws.com"),
        inline={"search": document(statement("es:ESHttpGet es:ESHttpPost es:DescribeDomain"))},
        last_used=("2025-12-19T16:20:00+00:00", "eu-west-1"),
    ),
    Role(
        DEV,
        "AWSReservedSSO_Developer_b35f7e20d6c1498a",
        "2024-10-01T08:01:00+00:00",
        trusts_sso(DEV),
        path=SSO_PATH,
        inline={
            "AwsSSOInlinePolicy": document(
                statement("cloudformation:Describe* cloudformation:List* cloudformation:GetTemplate"),
                statement("lambda:Get* lambda:List* lambda:UpdateFunctionCode"),
                statement("logs:Describe* logs:FilterLogEvents logs:StartQuery ec2:Describe*"),
            )
        },
        hours=8,
    ),
    Role(
        DEV,
        "AWSServiceRoleForSSO",
        "2024-09-30T16:50:31+00:00",
        trusts("sso.amazonaws.com"),
        path="/aws-service-role/sso.amazonaws.com/",
        attached=("AWSSSOServiceRolePolicy",),
    ),
)

POLICIES: tuple[Policy, ...] = ()

# Attached to the organizational unit of the development account.
SCP_ID = "p-orch4rdx"
SCP_NAME = "no-generative-models"
SCP = document({"Sid": "NoGenerativeModels", "Effect": "Deny", "Action": "bedrock:*", "Resource": "*"})
