"""What each call asks and is told: `asked(api, …)`. APIs without a shape of their own get a plain one."""

from __future__ import annotations

from typing import Any

from .dice import Dice
from .records import READS, Asked
from .shapes_identity import SHAPES, shape
from .things import Things


def asked(api: str, dice: Dice, things: Things, given: dict[str, Any]) -> Asked:
    """The request and answer of a call of `api` ("service:Name"); `given` are the values that matter."""
    made = SHAPES.get(api)
    if made:
        return made(dice, things, given)
    name = api.split(":")[1]
    if READS.match(name):
        return Asked(dice.choice([None, {"maxResults": dice.choice([20, 50, 100])}]) if not given else dict(given))
    return Asked(dict(given) or {"name": f"{things.pick('word', dice)}-{dice.hex(4)}"})


def arn(things: Things, service: str, rest: str, dice: Dice) -> str:
    """An ARN in one of the account's regions."""
    return f"arn:aws:{service}:{things.regions[0]}:{things.account}:{rest}"


@shape("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:HeadObject", "s3:CopyObject")
def _s3_object(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    bucket = g.get("bucket") or t.pick("bucket", d)
    key = g.get("key") or f"{t.pick('word', d)}/2026/{d.randint(1, 12):02d}/part-{d.randint(0, 9999):05d}.parquet"
    params = {"bucketName": bucket, "key": key, "Host": f"{bucket}.s3.amazonaws.com"} | g.get("headers", {})
    extra = {"bytesTransferredIn": 0, "bytesTransferredOut": d.randint(900, 9_000_000), "SignatureVersion": "SigV4"}
    resources = [{"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{key}"}]
    resources.append({"accountId": t.account, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"})
    return Asked(params, None, resources, extra)


@shape("s3:ListObjects", "s3:GetBucketAcl", "s3:GetBucketPolicy", "s3:GetBucketLocation", "s3:GetBucketVersioning")
@shape("s3:PutBucketVersioning", "s3:DeleteBucket", "s3:CreateBucket", "s3:GetBucketEncryption", "s3:PutBucketPolicy")
@shape("s3:PutBucketLifecycle", "s3:DeleteBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketEncryption")
@shape("s3:GetBucketPublicAccessBlock", "s3:GetBucketTagging", "s3:PutBucketReplication", "s3:PutBucketTagging")
@shape("s3:DeleteObjects", "s3:GetBucketLogging", "s3:GetBucketLifecycle", "s3:PutBucketLogging")
def _s3_bucket(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    bucket = g.get("bucket") or t.pick("bucket", d)
    params = {"bucketName": bucket, "Host": f"{bucket}.s3.amazonaws.com"} | g.get("more", {})
    resources = [{"accountId": t.account, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"}]
    return Asked(params, None, resources)


@shape("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:DeleteSecret")
@shape("secretsmanager:PutResourcePolicy")
def _secret(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    name = g.get("secret") or t.pick("secret", d)
    return Asked({"secretId": name} | g.get("more", {}), {"arn": arn(t, "secretsmanager", f"secret:{name}", d)})


@shape("ssm:GetParameter", "ssm:GetParameters", "ssm:PutParameter")
def _parameter(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"name": g.get("name") or t.pick("parameter", d), "withDecryption": g.get("decrypt", True)})


@shape("ssm:GetParametersByPath")
def _parameters(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"path": g.get("path") or f"/{t.pick('word', d)}/", "recursive": True, "withDecryption": True})


@shape("ssm:StartSession")
def _start_session(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    asked = {"target": g.get("instance") or t.pick("instance", d)} | g.get("more", {})
    return Asked(asked, {"sessionId": f"{g.get('session', 'session')}-0{d.hex(16)}"})


@shape("ssm:SendCommand")
def _send_command(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    ids = g.get("instances") or [t.pick("instance", d)]
    asked = {"instanceIds": ids, "documentName": g.get("document", "AWS-RunShellScript"), "parameters": "HIDDEN_DUE_TO"
             "_SECURITY_REASONS"}  # fmt: skip
    return Asked(asked, {"command": {"commandId": d.uuid(), "documentName": asked["documentName"]}})


@shape("kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey", "kms:DisableKey", "kms:ScheduleKeyDeletion")
@shape("kms:PutKeyPolicy", "kms:CreateGrant", "kms:EnableKeyRotation", "kms:Encrypt", "kms:GetKeyRotationStatus")
def _kms(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    key = arn(t, "kms", f"key/{g.get('key') or t.pick('kms', d)}", d)
    resources = [{"accountId": t.account, "type": "AWS::KMS::Key", "ARN": key}]
    return Asked({"keyId": key} | g.get("more", {}), None, resources)


@shape("ec2:RunInstances")
def _run_instances(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    count = g.get("count", 1)
    items = [{"imageId": g.get("image") or t.pick("image", d), "minCount": count, "maxCount": count}]
    asked = {"instancesSet": {"items": items}, "instanceType": g.get("type", "m6i.large"), "monitoring": {}}
    if g.get("profile"):
        asked["iamInstanceProfile"] = {"name": g["profile"]}
    ids = [{"instanceId": f"i-0{d.hex(16)}", "instanceType": asked["instanceType"]} for _ in range(count)]
    return Asked(asked, {"instancesSet": {"items": ids}})


@shape("ec2:StartInstances", "ec2:StopInstances", "ec2:RebootInstances", "ec2:TerminateInstances")
def _of_instances(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    ids = g.get("instances") or [t.pick("instance", d)]
    return Asked({"instancesSet": {"items": [{"instanceId": each} for each in ids]}})


@shape("ec2:GetPasswordData", "ec2:DescribeInstanceAttribute", "ec2:GetConsoleOutput", "ec2:ModifyInstanceAttribute")
@shape("ec2-instance-connect:SendSSHPublicKey", "ec2-instance-connect:SendSerialConsoleSSHPublicKey")
def _of_instance(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"instanceId": g.get("instance") or t.pick("instance", d)} | g.get("more", {}))


@shape("ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress")
def _ingress(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    port = g.get("port") or d.choice([443, 5432, 6379, 8080, 22])
    ranges = {"items": [{"cidrIp": g.get("cidr") or f"10.{d.randint(0, 40)}.0.0/16"}]}
    rule = {"ipProtocol": "tcp", "fromPort": port, "toPort": port, "ipRanges": ranges}
    return Asked({"groupId": t.pick("security group", d), "ipPermissions": {"items": [rule]}}, {"_return": True})


@shape("ec2:ModifySnapshotAttribute")
def _share_snapshot(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    add = {"items": [{"group": "all"} if g["to"] == "all" else {"userId": g["to"]}]}
    asked = {"snapshotId": g.get("snapshot") or t.pick("snapshot", d), "createVolumePermission": {"add": add}}
    return Asked(asked | {"attributeType": "CREATE_VOLUME_PERMISSION"}, {"_return": True})


@shape("ec2:ModifyImageAttribute")
def _share_image(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    add = {"items": [{"userId": g["to"]}]}
    return Asked({"imageId": t.pick("image", d), "launchPermission": {"add": add}}, {"_return": True})


@shape("rds:ModifyDBSnapshotAttribute")
def _share_database(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    name = f"{t.pick('database', d)}-2026"
    return Asked({"dBSnapshotIdentifier": name, "attributeName": "restore", "valuesToAdd": [g["to"]]})


@shape("ec2:CreateSnapshot", "ec2:DeleteSnapshot", "ec2:CopySnapshot", "ec2:DeleteVolume")
def _snapshot(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"volumeId": t.pick("volume", d), "snapshotId": g.get("snapshot") or t.pick("snapshot", d)})


@shape(
    "lambda:GetFunction20150331v2", "lambda:UpdateFunctionCode20150331v2", "lambda:ListTags20170331", "lambda:Invoke"
)
@shape(
    "lambda:UpdateFunctionConfiguration20150331v2", "lambda:AddPermission20150331v2", "lambda:DeleteFunction20150331"
)
@shape("lambda:GetPolicy20150331v2", "lambda:GetFunctionConfiguration20150331v2", "lambda:PublishVersion20150331")
def _function(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"functionName": g.get("function") or t.pick("function", d)} | g.get("more", {}))


@shape("lambda:CreateFunction20150331")
def _create_function(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    role = g.get("role_arn") or f"arn:aws:iam::{t.account}:role/{t.pick('role', d)}"
    return Asked({"functionName": g.get("function") or f"fn-{d.hex(4)}", "runtime": "python3.13", "role": role})


@shape("bedrock:InvokeModel", "bedrock:Converse", "bedrock:InvokeModelWithResponseStream")
def _model(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"modelId": g.get("model", "amazon.nova-lite-v1:0")})


@shape("rds:CreateDBSnapshot", "rds:DescribeDBSnapshots", "rds:DeleteDBSnapshot", "rds:DeleteDBInstance")
@shape("rds:ModifyDBInstance", "rds:RestoreDBInstanceFromDBSnapshot", "rds:StartExportTask")
def _database(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    name = g.get("database") or t.pick("database", d)
    return Asked({"dBInstanceIdentifier": name, "dBSnapshotIdentifier": f"{name}-2026"} | g.get("more", {}))


@shape("backup:StartBackupJob", "backup:DeleteRecoveryPoint", "backup:DeleteBackupVault", "backup:DeleteBackupPlan")
def _vault(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"backupVaultName": t.pick("vault", d), "recoveryPointArn": f"arn:aws:backup:::{d.uuid()}"})


@shape("dynamodb:ExportTableToPointInTime")
def _export_table(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    table = arn(t, "dynamodb", f"table/{t.pick('table', d)}", d)
    return Asked(
        {"tableArn": table, "s3Bucket": g.get("bucket") or t.pick("bucket", d), "exportFormat": "DYNAMODB_JSON"}
    )
