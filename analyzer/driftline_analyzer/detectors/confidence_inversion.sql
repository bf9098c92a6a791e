-- code: DRF106
-- severity: warning
-- standard: conflict resolution by declared confidence, inverted (truth discovery, Yin, Han and Yu 2008)
-- message: {branch} replaced {fields} of {object} with a value of lower confidence than that of {others}
-- fix: Let {branch} compare confidences before it sets {fields} of {object}, or reconcile by highest-confidence; the surer value by {others} is in {lost}.
--
-- ## What it finds
-- A `write` or `patch` sets a field to another value than the one that stands there and that another branch had set; both
-- writes declared a `confidence`, and the new one is lower. A field that the write loses from a stale base gives way to
-- DRF101, DRF102, DRF103 or DRF105. A `merge` is exempt: it saw what it merged, and says by which strategy it chose.
--
-- ## Why it matters
-- The system knew better and said so. From now on everybody reads the guess, and nothing shows that it replaced something
-- surer.
--
-- ## Example
-- A researcher sets `/capital` with confidence 0.9. A quick extractor reads the context and sets `/capital` from another
-- page with confidence 0.4.
--
-- ## Fix
-- Compare confidences before writing and keep the higher (`highest-confidence`); or write the doubtful value beside the sure
-- one and let a merge decide; or declare the confidence that the new evidence deserves.
--
-- ## Known limits
-- Confidences of different branches are taken to be on one scale. A value that is newer and true, but was declared with less
-- confidence, looks the same. Without a declared confidence on both sides nothing is found.

SELECT i.e, list_sort(list(DISTINCT p.path)) AS fields, list_sort(list(DISTINCT i.b)) AS others,
    list_sort(list(DISTINCT i.s)) AS against, NULL::VARCHAR AS base, 'recorded' AS basis, i.lost AS gives_way
FROM inversion AS i JOIN path AS p ON p.f = i.f
GROUP BY i.e, i.lost
