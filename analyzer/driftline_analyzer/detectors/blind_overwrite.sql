-- code: DRF104
-- severity: warning
-- standard: blind write (Papadimitriou 1979; Bernstein, Hadzilacos and Goodman 1987), here over another's value
-- message: {branch} overwrote {fields} of {object} without ever having read what {others} had put there
-- fix (write): Let {branch} create {object} only if it does not exist (a conditional insert), and otherwise read it first: {stood} was there.
-- fix (patch): Let {branch} read {fields} of {object} before it sets them, and write from what it read.
-- fix (merge): Let {branch} take {stood} into its merge: it merged without ever having seen {fields}.
-- fix: What {others} had put there is in {lost}; if all of them write there by design, give each a field of its own.
--
-- ## What it finds
-- A write, not a `delete`, changes a field in which a value stands that another branch set, and its own branch had never
-- seen that field: it declared no base, and had neither read nor written the field or the whole object, nor had the
-- branch that it forked from, nor one that joined it. A full write changes also the fields that it leaves out. A field
-- whose standing value was declared with more confidence gives way to DRF106.
--
-- ## Why it matters
-- There is no base to compare, so no version check will ever refuse this write. Whether the value that it replaced was
-- better, nobody asked.
--
-- ## Example
-- An enricher keeps `/sources` of `context/42` up to date. A planner that has never loaded the context saves a fresh one of its
-- own under the same id.
--
-- ## Fix
-- Read the object first and write from what was read; or create it only if it does not exist (a conditional insert); or
-- give each writer fields of its own.
--
-- ## Known limits
-- What reached the branch in another way (an argument, a closure, a cache outside the store) counts as never seen. A field that
-- many branches set by design without looking, such as a heartbeat, is found at each change of hands.

SELECT l.e, list_sort(list(DISTINCT p.path)) AS fields, list_sort(list(DISTINCT stood.b)) AS others,
    list_sort(list(DISTINCT l.u)) AS against, NULL::VARCHAR AS base, 'inferred' AS basis, i.e IS NOT NULL AS gives_way
FROM loss AS l
JOIN path AS p ON p.f = l.f
JOIN write AS stood ON stood.e = l.u
LEFT JOIN inversion AS i ON i.e = l.e AND i.f = l.f
WHERE l.kind = 'blind'
GROUP BY l.e, i.e IS NOT NULL
