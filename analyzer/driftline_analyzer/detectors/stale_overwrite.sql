-- code: DRF101
-- severity: error
-- standard: lost update, P4 (Berenson et al. 1995, "A Critique of ANSI SQL Isolation Levels")
-- message: {branch} overwrote {fields} of {object}, working from version {base}; what {others} changed since is lost
-- fix (patch): Make the patch of {fields} by {branch} conditional on {seen} (compare-and-set), and derive it anew from {stood} when it is refused; what {others} set is in {lost}.
-- fix (write): Let {branch} patch only what it means to change instead of saving all of {object}, on condition that {seen} still stands; what {others} set is in {lost}.
-- fix (merge): Let {branch} take {stood} into its merge before it stores the result; what {others} set is in {lost}.
-- fix (delete): Let {branch} delete {object} only on condition that {seen} still stands; what {others} set is in {lost}.
-- fix (kin): One of the branches forked the other: let it wait for the other's result instead of writing beside it.
-- fix (stranger, inferred): Declare the base when writing (base=), so that this can be checked: {seen} is only what {branch} was last known to have seen.
--
-- ## What it finds
-- A write *w* of an object sets a field, or removes the object, although another branch changed that field after the
-- version that *w* was derived from, and *w* had not seen the change. Setting the field to what already stood there loses
-- nothing and is not found. Each lost field belongs to one rule: where DRF103, DRF105 or DRF102 says more, it speaks.
--
-- In a trace without an order of versions: two or more committed writers (units, or branches outside units) that took one field
-- from the same base version to different values. That is one finding, at the last of them, and it names all.
--
-- ## Why it matters
-- The other branch's update is gone without an error: its node succeeded, its payload was valid, and nothing that reads
-- the object from now on can know that the update was ever made.
--
-- ## Example
-- Two researchers read version 1 of `context/42`. The first sets `/summary` and makes version 2. The second, still working
-- from version 1, sets `/summary` and makes version 3. Version 3 says nothing of what the first found.
--
-- ## Fix
-- Read again just before writing and derive the value anew if the version moved (compare-and-set); or patch only the
-- fields that the node means to change; or merge both values under a declared strategy.
--
-- ## Known limits
-- Where the base was not declared it is inferred from the branch's own reads and writes; a value that reached the branch
-- by another way (a return value, a closure) is not seen. A branch's end counts as its join into its parent.

SELECT e, fields, others, against, base, basis FROM lost('overwritten')
UNION ALL
SELECT e, fields, others, against, base, basis FROM met()
