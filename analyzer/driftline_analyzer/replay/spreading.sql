-- Replay, spreading: what is uncertain because something else is. Taken again until nothing is added.
--
-- A unit lands whole or not at all; what refers to an object needs it to exist; and what is decided in Python needs what it
-- rests on there, too.

INSERT INTO suspect
SELECT w.e FROM proposal AS w
SEMI JOIN (
    SELECT DISTINCT u FROM proposal WHERE u IS NOT NULL AND (e IN (SELECT e FROM suspect) OR o IN (SELECT o FROM deciding))
) AS torn ON torn.u = w.u
ANTI JOIN suspect ON suspect.e = w.e;

INSERT INTO suspect
SELECT DISTINCT r.e FROM reference AS r
JOIN proposal AS w ON w.e = r.e
LEFT JOIN first AS t ON t.o = r.target
LEFT JOIN proposal AS made ON made.e = t.e
ANTI JOIN suspect ON suspect.e = r.e
WHERE getvariable('check_references') AND r.target <> r.o AND (
    t.o IS NULL OR t.deleted OR t.e IN (SELECT e FROM suspect)
    OR (t.ordinal > w.ordinal AND NOT coalesce(made.u = w.u, false)));

INSERT INTO deciding
SELECT DISTINCT o FROM proposal WHERE e IN (SELECT e FROM suspect) AND o NOT IN (SELECT o FROM deciding);

INSERT INTO deciding
SELECT DISTINCT t FROM rests
WHERE o IN (SELECT o FROM deciding) AND t NOT IN (SELECT o FROM deciding) AND t IN (SELECT o FROM first);
