"""The calls of CloudTrail that tell of trails, for `tests.aws.iam`."""

from __future__ import annotations

from typing import Any

from tests.aws.organizations import Fault, Given


class TrailCalls:
    """Part of a World: an account's trails by region; a trail is asked about in its home region."""

    def cloudtrail_DescribeTrails(self, account: Any, given: Given, region: str) -> Given:
        shadows = [
            each
            for home, listed in account.trails.items()
            for each in listed
            if home != region and each.get("IsMultiRegionTrail") and given.get("includeShadowTrails", True)
        ]
        return {"trailList": account.trails.get(region, []) + shadows}

    def _trail(self, account: Any, arn: str, region: str) -> dict[str, Any]:
        for each in account.trails.get(region, []):
            if each["TrailARN"] == arn:
                return each
        raise Fault("TrailNotFoundException", f"Unknown trail: {arn} for the user: {account.id}")

    def cloudtrail_GetTrailStatus(self, account: Any, given: Given, region: str) -> Given:
        self._trail(account, given["Name"], region)
        return {"IsLogging": True, "LatestDeliveryTime": 1795168800}

    def cloudtrail_GetEventSelectors(self, account: Any, given: Given, region: str) -> Given:
        self._trail(account, given["TrailName"], region)
        return {"TrailARN": given["TrailName"], **account.selectors.get(given["TrailName"], {})}
