-- /// view
-- title = "Networks"
-- question = "Which networks were seen, and what are they called?"
-- [columns]
-- network = "/24 (IPv4) or /48 (IPv6)"
-- name = "its name in [names.networks] of trailsift.toml"
-- trusted = "whether it is marked there as trusted, which makes it no news for anybody"
-- country = "country, where a database is configured under [geo]"
-- organization = "who announces it, where a database is configured under [geo]"
-- ///
-- Names and places come from the configuration; `trailsift anomalies` puts them in before it asks.
select distinct
    value as network, null::varchar as name, false as trusted, null::varchar as country, null::varchar as organization
from habits
where attribute = 'network' and value <> 'vpc endpoint'
