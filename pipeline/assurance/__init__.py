"""Can the log be trusted: what of a period it covers, and whether its files are what CloudTrail delivered."""
