"""What a branch has seen, against a model that copies everything at each fork and takes the newest of everything."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import hypothesis.strategies as st
from hypothesis import given, settings

from driftline.sightings import Sightings, Version

OBJECTS = ("o/1", "o/2", "o/3")
PATHS = ("/a", "/b")


def newer(a: Version, b: Version) -> bool:
    return int(a) > int(b)


@dataclass
class Plain:
    """The newest version seen of each object, of each of its fields, and the depth of the deepest."""

    whole: dict[str, int] = field(default_factory=dict)
    parts: dict[tuple[str, str], int] = field(default_factory=dict)
    depth: dict[str, int] = field(default_factory=dict)

    def see(self, name: str, path: str | None, version: int, depth: int) -> None:
        self.depth[name] = max(depth, self.depth.get(name, 0))
        if path is None:
            self.whole[name] = max(version, self.whole.get(name, version))
        else:
            self.parts[name, path] = max(version, self.parts.get((name, path), version))

    def join(self, child: Plain) -> None:
        for name, version in child.whole.items():
            self.see(name, None, version, child.depth[name])
        for (name, path), version in child.parts.items():
            self.see(name, path, version, child.depth[name])

    def base(self, name: str, path: str) -> int | None:
        seen = [self.whole.get(name), self.parts.get((name, path))]
        return max((version for version in seen if version is not None), default=None)

    def apart(self, name: str) -> set[str]:
        """The fields seen at a newer version than the whole object."""
        return {path for path in PATHS if (name, path) in self.parts and self.base(name, path) != self.whole.get(name)}


@dataclass
class Both:
    """A branch in the implementation and in the model."""

    real: Sightings
    plain: Plain
    parent: Both | None = None


BY = st.integers(0, 30)
SEE = st.tuples(
    st.just("see"), BY, st.sampled_from(OBJECTS), st.sampled_from((None, *PATHS)), st.integers(1, 9), st.integers(0, 5)
)
STEPS = st.lists(
    SEE | SEE | st.tuples(st.just("fork"), BY) | st.tuples(st.just("fork"), BY) | st.tuples(st.just("join"), BY),
    min_size=20,
    max_size=80,
)


@settings(max_examples=200)
@given(STEPS)
def test_any_program_of_forks_joins_and_sightings(steps: list[tuple[str, ...]]) -> None:
    branches = [Both(Sightings(), Plain())]
    for what, by, *rest in steps:
        branch = branches[int(by) % len(branches)]
        if what == "see":
            see(branch, *rest)  # type: ignore[arg-type]
        elif what == "fork":
            branches.append(Both(branch.real.fork(), copy.deepcopy(branch.plain), branch))
        elif branch.parent is not None:
            branches = [other for other in branches if other is not branch]
            branch.parent.real.join(branch.real, lambda _object: newer)
            branch.parent.plain.join(branch.plain)

    for branch in branches:
        for name in OBJECTS:
            seen = branch.real.of(name)
            assert seen.whole == branch.plain.whole.get(name)
            assert [seen.base(path, newer) for path in PATHS] == [branch.plain.base(name, path) for path in PATHS]
            assert seen.depth == branch.plain.depth.get(name, 0)
            assert branch.plain.apart(name) <= set(seen.fields)


def see(branch: Both, name: str, path: str | None, version: int, depth: int) -> None:
    seen = branch.real.of(name)
    if path is None:
        seen.see_whole(version, depth, newer)
    else:
        seen.see_field(path, version, depth, newer)
    branch.plain.see(name, path, version, depth)


def test_a_long_line_of_forks_keeps_few_layers() -> None:
    sightings = Sightings()
    for version in range(100):
        sightings.of(f"o/{version}").see_whole(version, 1, newer)
        sightings = sightings.fork()

    assert len(sightings._inherited) <= 8
    assert [sightings.of(f"o/{version}").whole for version in range(100)] == list(range(100))


def test_a_long_line_of_forks_sees_the_newest() -> None:
    sightings = Sightings()
    for version in range(1, 100):
        sightings.of("o/1").see_whole(version, 1, newer)
        sightings.of(f"o/{version + 1}").see_whole(version, 1, newer)
        sightings = sightings.fork()
        assert sightings.of("o/1").whole == version
        assert sightings.fork().of("o/1").whole == version


def test_a_child_that_is_never_joined_changes_nothing() -> None:
    parent = Sightings()
    parent.of("o/1").see_field("/a", 1, 1, newer)
    child = parent.fork()
    child.of("o/1").see_field("/a", 2, 2, newer)

    assert parent.of("o/1").base("/a", newer) == 1
    assert parent.of("o/1").depth == 1
