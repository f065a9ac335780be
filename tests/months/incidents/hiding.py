"""Incidents of those who do not want to be seen: the watch is turned off, narrowed or made forgetful."""

from __future__ import annotations

from typing import Any

from . import entries
from .attack import RECON, Attack, incident


@incident("log tampering")
def tampering(a: Attack) -> None:
    """One to three things that make the logs and the watch see less; sometimes undone later."""
    d = a.d
    a.caller = entries.any_way(a)
    a.whoami()
    a.explore(LOOKS, "looking", 1, 5)
    ways = _ways(a)
    for way in d.some(list(ways), 1, 3):
        for api, given in ways[way]:
            a.do(api, way, **given)
    if d.chance(0.5):
        a.explore(RECON + " secretsmanager:GetSecretValue s3:GetObject", "in the dark", 2, 12)
    if d.chance(0.25):
        a.sleep(0.2, 3)
        a.do("cloudtrail:StartLogging", "undone")


LOOKS = "cloudtrail:DescribeTrails cloudtrail:GetTrailStatus cloudtrail:GetEventSelectors guardduty:ListDetectors "
LOOKS += "config:DescribeConfigurationRecorders securityhub:DescribeHub ec2:DescribeFlowLogs"


def _ways(a: Attack) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """What each way of hiding calls, and the values that matter."""
    d, bucket = a.d, {"bucket": f"{a.world.things[a.caller.account].held['trail'][0]}-logs"}
    selector = {"management": False, "kinds": d.choice(["WriteOnly", "ReadOnly"])}
    short = {"more": {"LifecycleConfiguration": {"Rule": {"Expiration": {"Days": 1}, "Status": "Enabled"}}}}
    return {
        "stopped": [("cloudtrail:StopLogging", {})],
        "deleted": [("cloudtrail:DeleteTrail", {})],
        "one region": [("cloudtrail:UpdateTrail", {"everywhere": False})],
        "narrowed": [("cloudtrail:PutEventSelectors", selector)],
        "forgetful": [("s3:PutBucketLifecycle", bucket | short)],
        "objects": [("s3:ListObjects", bucket), *[("s3:DeleteObject", bucket)] * d.randint(5, 60)],
        "detector": [(d.choice(["guardduty:UpdateDetector", "guardduty:DeleteDetector"]), {"enable": False})],
        "filter": [("guardduty:CreateFilter", {"name": d.choice(["low-noise", "f1"])})],
        "trusted addresses": [("guardduty:CreateIPSet", {"name": "office"})],
        "recorder": [(d.choice(["config:StopConfigurationRecorder", "config:DeleteConfigurationRecorder"]), {})],
        "flow logs": [("ec2:DeleteFlowLogs", {})],
        "hub": [("securityhub:DisableSecurityHub", {})],
        "groups": [("logs:DeleteLogGroup", {})] * d.randint(1, 4),
        "alarms": [("monitoring:DisableAlarmActions", {}), ("monitoring:DeleteAlarms", {})],
    }
