"""The AWS-managed policies that principals of the sample have attached, as AWS publishes them.

Contents: AWS Managed Policy Reference Guide, one page a policy; service-linked roles' policies are given in
the version that names what these accounts use.
"""

from __future__ import annotations

from .world import Policy, document, statement

SSO_ROLES = "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*"
NOT_MASTER = {"StringNotEquals": {"aws:PrincipalOrgMasterAccountId": "${aws:PrincipalAccount}"}}

MANAGED = (
    Policy("aws", "AdministratorAccess", "2015-02-06T18:39:46+00:00", document(statement("*"))),
    Policy(
        "aws",
        "IAMReadOnlyAccess",
        "2015-02-06T18:40:38+00:00",
        document(
            statement(
                "iam:GenerateCredentialReport iam:GenerateServiceLastAccessedDetails iam:Get* iam:List* "
                "iam:SimulateCustomPolicy iam:SimulatePrincipalPolicy"
            )
        ),
    ),
    Policy(
        "aws",
        "IAMUserChangePassword",
        "2016-11-15T00:25:16+00:00",
        document(
            statement(
                "iam:ChangePassword",
                ["arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::*:user/*/${aws:username}"],
            ),
            statement("iam:GetAccountPasswordPolicy"),
        ),
    ),
    Policy(
        "aws",
        "AmazonEC2ReadOnlyAccess",
        "2015-02-06T18:40:17+00:00",
        document(
            statement("ec2:Describe*"),
            statement("elasticloadbalancing:Describe*"),
            statement("cloudwatch:ListMetrics cloudwatch:GetMetricStatistics cloudwatch:Describe*"),
            statement("autoscaling:Describe*"),
        ),
    ),
    Policy(
        "aws",
        "AWSCloudTrail_ReadOnlyAccess",
        "2022-06-14T17:19:05+00:00",
        document(statement("cloudtrail:Get* cloudtrail:Describe* cloudtrail:List* cloudtrail:LookupEvents")),
    ),
    Policy(
        "aws",
        "AWSLambdaBasicExecutionRole",
        "2015-04-09T15:03:43+00:00",
        document(statement("logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents")),
        path="/service-role/",
    ),
    Policy(
        "aws",
        "AmazonSSMManagedInstanceCore",
        "2019-03-15T17:22:12+00:00",
        document(
            statement(
                "ssm:DescribeAssociation ssm:GetDeployablePatchSnapshotForInstance ssm:GetDocument "
                "ssm:DescribeDocument ssm:GetManifest ssm:GetParameter ssm:GetParameters "
                "ssm:ListAssociations ssm:ListInstanceAssociations ssm:PutInventory ssm:PutComplianceItems "
                "ssm:PutConfigurePackageResult ssm:UpdateAssociationStatus "
                "ssm:UpdateInstanceAssociationStatus ssm:UpdateInstanceInformation"
            ),
            statement(
                "ssmmessages:CreateControlChannel ssmmessages:CreateDataChannel "
                "ssmmessages:OpenControlChannel ssmmessages:OpenDataChannel"
            ),
            statement(
                "ec2messages:AcknowledgeMessage ec2messages:DeleteMessage ec2messages:FailMessage "
                "ec2messages:GetEndpoint ec2messages:GetMessages ec2messages:SendReply"
            ),
        ),
    ),
    Policy(
        "aws",
        "AutoScalingServiceRolePolicy",
        "2018-01-08T23:10:55+00:00",
        document(
            statement(
                "ec2:AttachClassicLinkVpc ec2:CancelSpotInstanceRequests ec2:CreateFleet ec2:CreateTags "
                "ec2:DeleteTags ec2:Describe* ec2:DetachClassicLinkVpc "
                "ec2:GetInstanceTypesFromInstanceRequirements ec2:GetSecurityGroupsForVpc "
                "ec2:ModifyInstanceAttribute ec2:RequestSpotInstances ec2:RunInstances ec2:StartInstances "
                "ec2:StopInstances ec2:TerminateInstances",
                sid="EC2InstanceManagement",
            ),
            statement(
                "iam:PassRole",
                sid="EC2InstanceProfileManagement",
                Condition={"StringLike": {"iam:PassedToService": "ec2.amazonaws.com*"}},
            ),
            statement(
                "elasticloadbalancing:Register* elasticloadbalancing:Deregister* elasticloadbalancing:Describe*",
                sid="ELBManagement",
            ),
            statement(
                "cloudwatch:DeleteAlarms cloudwatch:DescribeAlarms cloudwatch:GetMetricData cloudwatch:PutMetricAlarm",
                sid="CWManagement",
            ),
            statement("sns:Publish", sid="SNSManagement"),
        ),
        path="/aws-service-role/",
    ),
    Policy(
        "aws",
        "AWSSSOServiceRolePolicy",
        "2017-12-05T18:36:15+00:00",
        document(
            statement(
                "iam:AttachRolePolicy iam:CreateRole iam:PutRolePolicy iam:UpdateRole "
                "iam:UpdateRoleDescription iam:UpdateAssumeRolePolicy iam:PutRolePermissionsBoundary "
                "iam:DeleteRolePermissionsBoundary",
                [SSO_ROLES],
                sid="IAMRoleProvisioningActions",
                Condition=NOT_MASTER,
            ),
            statement("iam:GetRole iam:ListRoles", ["*"], sid="IAMRoleReadActions"),
            statement(
                "iam:DeleteRole iam:DeleteRolePolicy iam:DetachRolePolicy iam:ListRolePolicies "
                "iam:ListAttachedRolePolicies",
                [SSO_ROLES],
                sid="IAMRoleCleanupActions",
            ),
            statement(
                "iam:UpdateSAMLProvider", ["arn:aws:iam::*:saml-provider/AWSSSO_*"], sid="IAMSAMLProviderUpdateAction"
            ),
            statement("organizations:DescribeOrganization organizations:ListAccounts", ["*"]),
        ),
        path="/aws-service-role/",
    ),
)
