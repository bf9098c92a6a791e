"""A demonstration: a multi-agent research pipeline whose shared state really drifts, and the same one with discipline.

    import driftline as dl
    from driftline.demo import run_demo

    with dl.record("demo.drift"):
        run_demo()

Start with `roles.py`, what each agent does; `discipline.py` holds the difference between drift and none. Nothing in
here is needed to use Driftline, and `import driftline` does not load it.
"""

from driftline.demo.orchestration import DemoSummary, run_demo

__all__ = ["DemoSummary", "run_demo"]
