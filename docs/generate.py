# ruff: noqa: INP001 - a script beside the documents, not a package
"""Write, or check, the documents that are generated from the code.

    python docs/generate.py write    writes what is out of date
    python docs/generate.py check    names what is out of date; exit status 1 if anything is

Generated: docs/rules/*.md and the README's table of rules, from the headers of the detectors; docs/cli.md, from the
command line's own help; docs/policy.md, from the definitions of the discipline; docs/settings.md's table, from the
definitions; docs/finding.svg, the README's picture, from what the command line prints of a sample trace.
"""

from __future__ import annotations

import io
import keyword
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from policy_page import policy_page
from rich.console import Console
from rich.text import Text

from driftline.settings import SETTINGS, Settings, variable
from driftline_analyzer import Rule, rules

ROOT = Path(__file__).parent.parent
PROGRAM = Path(sys.executable).parent / "driftline"
_COMMANDS_SHOWN_AT = "100"  # columns


def rule_page(rule: Rule) -> str:
    """The Markdown page of one rule."""
    sections = "\n\n".join(f"## {title}\n\n{body}" for title, body in rule.sections.items())
    return f"# {rule.code} {rule.name}\n\nSeverity: {rule.severity}. Standard name: {rule.standard}.\n\n{sections}\n"


def rule_table() -> str:
    """The README's table of rules."""
    rows = [f"| [{r.code}](docs/rules/{r.name}.md) | {r.name} | {r.severity} | {r.standard} |" for r in rules()]
    return "\n".join(["| code | name | severity | standard name |", "|---|---|---|---|", *rows])


def help_text(*words: str) -> str:
    """What `driftline WORDS --help` prints, at a fixed width and without colour."""
    environment = {**os.environ, "COLUMNS": _COMMANDS_SHOWN_AT, "TERMINAL_WIDTH": _COMMANDS_SHOWN_AT, "NO_COLOR": "1"}
    environment.pop("FORCE_COLOR", None)
    done = subprocess.run(  # noqa: S603 - our own program
        [PROGRAM, *words, "--help"], env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


def cli_page() -> str:
    """The Markdown page of the command line."""
    overview = help_text()
    names = sorted(path.stem.removesuffix("_") for path in (ROOT / "cli/driftline_cli/commands").glob("[!_]*.py"))
    commands = [words for name in names for words in ([name], *([name, inner] for inner in inner_commands(name)))]
    parts = [f"## driftline {' '.join(words)}\n\n```\n{help_text(*words)}\n```" for words in commands]
    return "\n\n".join(["# The command line", f"```\n{overview}\n```", *parts]) + "\n"


def inner_commands(name: str) -> list[str]:
    """The commands that follow a command's name."""
    module = name + "_" * keyword.iskeyword(name)
    return list(getattr(import_module(f"driftline_cli.commands.{module}"), "COMMANDS", ()))


def settings_table() -> str:
    """The table of settings in docs/settings.md."""
    plain = Settings()
    rows = ["| argument, key | variable | option of `run` | takes | by default | |", "|---|---|---|---|---|---|"]
    for name, setting in SETTINGS.items():
        default = getattr(plain, name)
        shown = "nothing" if default in (None, {}) else f"`{setting.kind.as_text(default)}`"
        option = "`--output`" if name == "trace" else f"`--{name.replace('_', '-')}`"
        cells = [f"`{name}`", f"`{variable(name)}`", option, setting.kind.right, shown, setting.says]
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)


def picture() -> str:
    """What `driftline analyze` prints of one finding, as a picture of a terminal."""
    shown = ["analyze", "sample_traces/drifting.drift", "--select", "fidelity-loss", "--limit", "1", "--exit-zero"]
    environment = {**os.environ, "COLUMNS": "80", "FORCE_COLOR": "1", "PYTHONUTF8": "1"}
    environment.pop("NO_COLOR", None)
    done = subprocess.run([PROGRAM, *shown], env=environment, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    finding = done.stdout.partition("\n\n…")[0].rstrip()
    console = Console(record=True, file=io.StringIO(), width=82, force_terminal=True)
    console.print(Text.from_ansi(finding))
    svg = console.export_svg(title=f"driftline {' '.join(shown[:4])}", unique_id="finding")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # a picture fetches nothing


def between(text: str, marker: str, content: str) -> str:
    """`text` with what stands between `<!-- marker -->` and `<!-- /marker -->` replaced."""
    pattern = re.compile(rf"(<!-- {marker} -->\n).*?(\n<!-- /{marker} -->)", re.DOTALL)
    return pattern.sub(lambda found: found[1] + content + found[2], text)


def documents() -> dict[Path, str]:
    """Every generated document, as it should be."""
    readme, settings = ROOT / "README.md", ROOT / "docs/settings.md"
    return {
        **{ROOT / f"docs/rules/{rule.name}.md": rule_page(rule) for rule in rules()},
        readme: between(readme.read_text(encoding="utf-8"), "rules", rule_table()),
        settings: between(settings.read_text(encoding="utf-8"), "settings", settings_table()),
        ROOT / "docs/cli.md": cli_page(),
        ROOT / "docs/policy.md": policy_page(),
        ROOT / "docs/finding.svg": picture(),
    }


def comparable(path: Path, text: str) -> str:
    """What must be the same: of a picture, the words; how they are drawn is the drawing library's."""
    return re.sub(r"<style.*?</style>|<[^>]*>|\s", "", text, flags=re.DOTALL) if path.suffix == ".svg" else text


def main() -> int:
    """Write or check every document."""
    if sys.argv[1:] not in (["write"], ["check"]):
        sys.stderr.write(__doc__ or "")
        return 2
    stale = []
    wanted = documents()
    for path, text in wanted.items():
        if not path.exists() or comparable(path, path.read_text(encoding="utf-8")) != comparable(path, text):
            stale.append(path)
    stale += [path for path in (ROOT / "docs/rules").glob("*.md") if path not in wanted]
    if sys.argv[1] == "check":
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is out of date: run `python tasks.py docs`\n")
        return 1 if stale else 0
    for path in stale:
        if path in wanted:
            path.parent.mkdir(exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
