-- Replay, twins: values that are missing at one event and were recorded at another.
--
--   twin  digest, value
-- Where the values of some branches only were kept, one digest stands with and without its value: it is one value.

CREATE TABLE twin AS
SELECT digest, min(value) AS value FROM field
WHERE value IS NOT NULL AND digest IN (SELECT digest FROM field WHERE value IS NULL AND digest IS NOT NULL)
GROUP BY digest;
