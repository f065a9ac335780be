"""The calls of CloudTrail that tell of trails, for `tests.aws.iam`."""

from __future__ import annotations

from typing import Any

from tests.aws.organizations import Fault, Given


class TrailCalls:
    """Part of a World: an account's trails by region; a trail is asked about in its home region."""

    def cloudtrail_DescribeTrails(self, account: Any, given: Given, region: str) -> Given:
        """Shadow trails, the organization's in a member account among them, only where they are asked for."""
        own = [each for each in account.trails.get(region, []) if f":{account.id}:" in each["TrailARN"]]
        if not given.get("includeShadowTrails", True):
            return {"trailList": own}
        every = [(home, each) for home, listed in account.trails.items() for each in listed]
        return {"trailList": [each for home, each in every if home == region or each.get("IsMultiRegionTrail")]}

    def _trail(self, account: Any, arn: str, region: str, owner: bool) -> Given:
        for each in account.trails.get(region, []):
            if each["TrailARN"] == arn and (f":{account.id}:" in arn or not owner):
                found: Given = each
                return found
        raise Fault("TrailNotFoundException", f"Unknown trail: {arn} for the user: {account.id}")

    def cloudtrail_GetTrailStatus(self, account: Any, given: Given, region: str) -> Given:
        self._trail(account, given["Name"], region, owner=False)
        return {"IsLogging": True, "LatestDeliveryTime": 1795168800}

    def cloudtrail_GetEventSelectors(self, account: Any, given: Given, region: str) -> Given:
        """A member account does not see the selectors of the organization's trail."""
        self._trail(account, given["TrailName"], region, owner=True)
        return {"TrailARN": given["TrailName"], **account.selectors.get(given["TrailName"], {})}
