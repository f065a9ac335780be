"""Incidents about machines: mining on somebody's bill, models run for others, and going from instance to instance."""

from __future__ import annotations

from ..world import UNUSED
from . import entries
from .attack import RECON, Attack, incident

PLACES = "ec2:DescribeRegions servicequotas:ListServiceQuotas ec2:DescribeInstanceTypeOfferings ec2:DescribeInstances "
PLACES += "ec2:DescribeVpcs ec2:DescribeSubnets ec2:DescribeImages iam:ListRoles"
OFFERED = "bedrock:ListFoundationModels bedrock:GetFoundationModelAvailability bedrock:ListInferenceProfiles "
OFFERED += "bedrock:GetModelInvocationLoggingConfiguration bedrock:GetUseCaseForModelAccess"
UNLOCKS = "bedrock:PutUseCaseForModelAccess bedrock:CreateFoundationModelAgreement "
UNLOCKS += "bedrock:PutFoundationModelEntitlement"
MODELS = "anthropic.claude-sonnet-4-20250514-v1:0 anthropic.claude-3-5-sonnet-20241022-v2:0 "
MODELS += "meta.llama3-70b-instruct-v1:0 amazon.nova-premier-v1:0"


@incident("mining")
def mining(a: Attack) -> None:
    """Costly instances, or containers, many, often where the company has nothing."""
    d = a.d
    a.caller = entries.any_way(a)
    a.whoami()
    a.explore(PLACES, "looking", 1, 6)
    kind = d.choice(["c5.24xlarge", "c6a.48xlarge", "p3.16xlarge", "g4dn.12xlarge", "c7i.metal-24xl", "m7i.8xlarge"])
    limit = ("Client.VcpuLimitExceeded", "You have requested more vCPU capacity than your current limit allows.")
    for region in d.some(UNUSED, 1, 5) if d.chance(0.75) else [a.region]:
        way = d.weighted({"instances": 5, "containers": 1, "notebook": 1, "template": 1})
        if d.chance(0.4):
            a.do("servicequotas:RequestServiceQuotaIncrease", "limits", region=region)
        if way == "containers":
            a.do("ecs:CreateCluster", way, region=region)
            a.do("ecs:RegisterTaskDefinition", way, region=region)
            a.do("ecs:RunTask", way, times=d.randint(1, 20), region=region)
            continue
        if way == "notebook":
            a.do("sagemaker:CreateNotebookInstance", way, times=d.randint(1, 5), region=region, type=kind)
            continue
        for api in d.some(["ec2:CreateKeyPair", "ec2:CreateSecurityGroup", "ec2:AuthorizeSecurityGroupIngress"], 0, 3):
            a.do(api, way, region=region)
        if way == "template":
            a.do("ec2:CreateLaunchTemplate", way, region=region)
            a.do("autoscaling:CreateAutoScalingGroup", way, region=region)
        for _ in range(d.randint(1, 8)):
            error = limit if d.chance(0.35) else None
            a.do("ec2:RunInstances", way, region=region, error=error, type=kind, count=d.choice([1, 2, 5, 20]))


@incident("model abuse")
def models(a: Attack) -> None:
    """Language models, asked for, unlocked and then run without a pause on somebody's bill."""
    d = a.d
    a.caller = entries.any_way(a)
    if d.chance(0.6):
        a.region = d.choice(["us-east-1", "us-west-2", *UNUSED])
    a.whoami()
    a.explore(OFFERED, "looking", 1, 5)
    for api in d.some(UNLOCKS.split(), 0, 2):
        a.do(api, "unlocking")
    if d.chance(0.3):
        a.do("bedrock:DeleteModelInvocationLoggingConfiguration", "unseen")
    model = d.choice(MODELS.split())
    api = d.choice(["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", "bedrock:Converse"])
    refused = ("ValidationException", "Invocation of model ID with on-demand throughput is not supported.")
    a.do(api, "probing", times=d.randint(1, 6), error=refused, model=model)
    for _ in range(d.randint(1, 5)):
        a.do(api, "running", times=round(d.skewed(60, 0.9)), model=model)
        a.sleep(0.1, 8)


@incident("lateral movement")
def lateral(a: Attack) -> None:
    """Shells, commands and keys on one instance after another."""
    d = a.d
    a.caller = entries.any_way(a)
    held = a.world.things[a.caller.account]
    a.whoami()
    a.explore("ec2:DescribeInstances ssm:DescribeInstanceInformation ec2:DescribeKeyPairs " + RECON, "looking", 1, 8)
    targets = d.some(held.held["instance"], 3, 25)
    for way in d.some(["sessions", "commands", "passwords", "keys", "user data", "disks", "consoles"], 1, 2):
        for instance in targets:
            if way == "sessions":
                a.do("ssm:StartSession", way, sure=False, instance=instance)
            elif way == "passwords":
                a.do("ec2:GetPasswordData", way, sure=False, instance=instance)
            elif way == "keys":
                a.do(
                    "ec2-instance-connect:SendSSHPublicKey",
                    way,
                    sure=False,
                    instance=instance,
                    more={"instanceOSUser": "ec2-user"},
                )
            elif way == "consoles":
                a.do("ec2-instance-connect:SendSerialConsoleSSHPublicKey", way, sure=False, instance=instance)
        if way == "commands":
            for _ in range(d.randint(1, 5)):
                a.do("ssm:SendCommand", way, instances=d.some(targets, 1, 20))
        elif way == "user data":
            for instance in targets[: d.randint(1, 4)]:
                a.do("ec2:StopInstances", way, instances=[instance])
                a.do("ec2:ModifyInstanceAttribute", way, instance=instance, more={"userData": "<sensitiveDataRemoved>"})
                a.do("ec2:StartInstances", way, instances=[instance])
        elif way == "disks":
            a.do("ec2:CreateSnapshot", way, times=d.randint(1, 5))
            a.do("ec2:CreateVolume", way)
            a.do("ec2:AttachVolume", way)
