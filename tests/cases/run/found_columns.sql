-- file: events/a.json
--| {"userId": 7, "home": {"zip": "1", "geo": {"lat": 1}}, "tags": [], "big": 12345678901234567890}
--| {"userId": null, "home": {"geo": {"lat": 2.5}}, "tags": [1, null], "none": null}
-- file: events/b.json.gz
--| {"paid": true, "mixed": {"a": 1}, "empty": {}, "userId": 8}
--| {"mixed": "x", "tags": [2.5], "user id": "with a blank", "texts": ["a", null]}
-- schema: events_of
--| big decimal(20,0)
--| home struct<geo:struct<lat:double>,zip:string>
--| mixed string
--| none string
--| paid boolean
--| tags array<double>
--| texts array<string>
--| userId long
--| user_id string
-- result: events_of
--| big | home | mixed | none | paid | tags | texts | userId | user_id
--| 12345678901234567890 | {geo: {lat: 1.0}, zip: 1} | NULL | NULL | NULL | [] | NULL | 7 | NULL
--| NULL | NULL | x | NULL | NULL | [2.5] | [a, NULL] | NULL | with a blank
--| NULL | NULL | {"a": 1} | NULL | true | NULL | NULL | 8 | NULL
--| NULL | {geo: {lat: 2.5}, zip: NULL} | NULL | NULL | NULL | [1.0, NULL] | NULL | NULL | NULL
-- result: users
--| id | lat
--| 7 | 1.0
--| 8 | NULL
-- result: joined
--| n
--| 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- The columns of a source that declares none are those of its files, as in Spark: sorted
-- by name, with the type that holds all values.
CREATE MATERIALIZED VIEW events_of AS
SELECT * EXCEPT (`user id`), `user id` AS user_id FROM json.`${landing}/events`;
CREATE TABLE named USING json LOCATION '${landing}/events';
CREATE MATERIALIZED VIEW users AS
SELECT userid AS id, home.geo.lat FROM named WHERE userid IS NOT NULL;
CREATE MATERIALIZED VIEW joined AS
SELECT count(*) AS n FROM named n JOIN read_files('${landing}/events', format => 'json') f ON f.userId = n.userId;
