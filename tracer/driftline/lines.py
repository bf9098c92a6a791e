"""Lines of execution that nobody named: threads, event-loop tasks, jobs in a pool, a forked process.

A branch is sequential, so what runs beside its creator may not share the creator's branch. Each such line gets a branch
of its own, a child of the branch in force where it was created. Most of them never touch shared state, so the branch
starts with its first event. Until then only the fork is queued: what the creator had seen at that moment is what the
line has seen, however late it acts. A branch that the program opens in a line that has not acted is recorded as a child
of the creator's branch itself.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from driftline.scope import CURRENT, Branch, Scope

if TYPE_CHECKING:
    from driftline.recorder import Recorder


class Lines:
    """The unnamed lines of execution of one process.

    Args:
        recorder: Records their branches.

    Attributes:
        forks: How many `os.fork` lie between the process that began the recording and this one: what was opened at
            another count is another process's to end.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.forks = 0
        self._recorder = recorder
        self._threads = threading.local()
        self._main: Branch | None = None
        self._open: dict[Branch, None] = {}  # started, not ended; oldest first

    def here(self) -> Scope:
        """The scope in force in this context, or this thread's own; its branch may not have started."""
        scope = CURRENT.get()
        if scope is not None and (scope.branch.recorder is self._recorder or self._waits(scope.branch)):
            return scope
        own: Scope | None = getattr(self._threads, "scope", None)
        if own is None:
            thread = threading.current_thread()
            if thread is threading.main_thread():
                branch = self._main = self._waiting("main", None)
            else:  # it ran before the recording did, or Python did not start it
                branch = self._waiting(thread.name, None)
            own = self._threads.scope = Scope(branch)
        CURRENT.set(own)  # from now on found at once
        return own

    def scope(self) -> Scope:
        """The scope in force, to act in: its branch starts if it has not."""
        scope = self.here()
        if scope.branch.recorder is None:
            self._start(scope.branch)
        return scope

    def fork(self, name: str | None = None, outer: Scope | None = None) -> Scope:
        """A line splits off: the scope to run it in, part of the same unit.

        Args:
            name: What to call its branch; None takes the name of the branch that it splits off from.
            outer: Where it splits off; None takes the scope in force.
        """
        outer = outer or self.here()
        branch = self._waiting(name or outer.branch.name, outer.branch)
        self._recorder.fork(branch)
        return Scope(branch, outer.unit)

    def adopt(self, scope: Scope) -> None:
        """This thread acts in a scope that `fork` gave, in every context."""
        self._threads.scope = scope
        CURRENT.set(scope)

    def open(self, name: str, phase: str | None, origin: Branch) -> Branch:
        """Start a branch that the program names, forked off `origin`."""
        parent: Branch | None = origin
        while parent is not None and self._waits(parent):
            if parent is self._main:
                self._start(parent)
            else:
                parent = parent.parent
        branch = Branch("", name, phase or origin.phase, parent, None)
        if parent is not origin:
            branch.within = origin
        self._recorder.start_branch(branch)
        return branch

    def act_elsewhere(self) -> bool:
        """Whether a line that has acted may do so again while this one waits."""
        own: Scope | None = getattr(self._threads, "scope", None)
        return any(own is None or branch is not own.branch for branch in self._open)

    def end(self, branch: Branch, fault: BaseException | None) -> None:
        """A line has ended. An exception fails its branch, if it has one; being told to stop does not."""
        with self._recorder.lock:
            if branch not in self._open:
                return
            del self._open[branch]
        self._recorder.end_branch(branch, fault if isinstance(fault, Exception) else None)

    def end_all(self) -> None:
        """Recording ends for every line, children first."""
        for branch in reversed(list(self._open)):
            self.end(branch, None)
        scope = CURRENT.get()
        if scope is not None and scope.outer is None and scope.branch.recorder is self._recorder:
            CURRENT.set(None)  # and with it everything that this recording kept in memory

    def continue_in_child(self, name: str) -> None:
        """After a fork, in the child: go on in a line forked off the one in force."""
        outer = self.here()
        self.forks += 1
        self._threads = threading.local()
        self._open.clear()  # they go on in the parent, and end there
        branch = self._waiting(name, outer.branch)
        self._recorder.fork(branch)
        own = self._threads.scope = Scope(branch, outer.unit, outer=outer)
        CURRENT.set(own)

    def _waiting(self, name: str, parent: Branch | None) -> Branch:
        branch = Branch("", name, None if parent is None else parent.phase, parent, None)
        branch.begins_in = self._recorder
        return branch

    def _waits(self, branch: Branch) -> bool:
        return branch.recorder is None and branch.begins_in is self._recorder

    def _start(self, branch: Branch) -> None:
        """Start a branch that waits for it, and before it those that it descends from."""
        with self._recorder.lock:
            chain = []
            ancestor: Branch | None = branch
            while ancestor is not None and self._waits(ancestor):
                chain.append(ancestor)
                ancestor = ancestor.parent
            for waiting in reversed(chain):
                self._recorder.start_branch(waiting)
                self._open[waiting] = None
