-- Step descent: who forked from whom, however far back.
--
--   descent  b, ancestor   every branch with each branch that it descends from, the 64 nearest at most
--
-- Pairs rather than a numbering of the tree: that two branches are related is then an equality join, and rules can count
-- relatives. A branch that is its own ancestor, as a damaged trace may have it, descends from itself.

CREATE TABLE descent AS
WITH RECURSIVE climbed AS (
    SELECT b, parent AS ancestor, 1 AS height FROM branch WHERE parent IS NOT NULL
    UNION ALL
    SELECT c.b, up.parent, c.height + 1
    FROM climbed AS c JOIN branch AS up ON up.b = c.ancestor
    WHERE up.parent IS NOT NULL AND c.height < 64
)
SELECT DISTINCT b, ancestor FROM climbed;
