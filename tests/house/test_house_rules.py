"""What the linters cannot hold: sizes, names, documented settings, purity."""

import ast
import re
import subprocess
import sys
from pathlib import Path

from mystic import env

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("mystic", "markets", "signals", "trading", "notifications")
MODULES = sorted(
    path
    for name in PACKAGES
    for path in (ROOT / name).rglob("*.py")
    if "migrations" not in path.parts
)
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "manager", "managers", "base_classes"}
PURE = (
    "markets.types",
    "markets.events",
    "markets.bars",
    "markets.rings",
    "markets.sheets",
    "markets.book",
    "markets.agreement",
    "markets.failover",
    "markets.options",
    "markets.microstructure",
    "markets.quality",
    "markets.sessions",
    "markets.hours",
    "markets.quality_bands",
    "markets.quality_score",
    "markets.providers",
    "markets.sentiment",
    "markets.replay",
    "signals.events",
    "signals.columns",
    "signals.indicators",
    "signals.smc",
    "signals.strategies",
    "trading.execution",
    "trading.performance",
    "trading.risk",
    "trading.brokers",
    "notifications.rules",
    "mystic.lib.bus",
    "mystic.lib.backoff",
    "mystic.lib.circuit",
    "mystic.lib.budget_windows",
    "mystic.lib.budget_memory",
    "mystic.lib.provenance",
)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_module_has_one_topic_and_fits():
    assert [name_of(path) for path in MODULES if path.stem in FORBIDDEN_NAMES] == []
    lines = {name_of(path): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: count for name, count in lines.items() if count > 400} == {}


def test_every_function_fits_on_a_screen():
    long = [
        f"{name_of(path)}: {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > 60
    ]
    assert long == []


def test_nothing_is_left_for_later():
    left = [
        f"{name_of(path)}: {line.strip()}"
        for path in MODULES
        for line in path.read_text().splitlines()
        if re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", line)
    ]
    assert left == []


def test_every_setting_is_documented_and_nothing_else():
    page = (ROOT / "docs" / "settings.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE))
    assert documented == {setting.name for setting in env.SETTINGS}
    for setting in env.SETTINGS:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{setting.name}`"))
        assert setting.about in row


def test_every_setting_of_the_example_file_exists():
    names = re.findall(r"^#?\s?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    known = {setting.name for setting in env.SETTINGS} | {"POSTGRES_PASSWORD"}
    assert set(names) <= known


def test_pure_code_imports_without_django():
    program = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'django', 'rest_framework', 'celery', 'channels'}:\n"
        "            raise ImportError(f'pure code asked for {name}')\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "import importlib, pkgutil\n"
        f"for name in {PURE!r}:\n"
        "    module = importlib.import_module(name)\n"
        "    for found in pkgutil.walk_packages(getattr(module, '__path__', []), name + '.'):\n"
        "        importlib.import_module(found.name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_link_between_the_docs_leads_somewhere():
    broken = [
        f"{page.name}: {target}"
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_templates_hold_no_inline_script_or_style():
    inline = [
        f"{name_of(path)}: {found.group(0)}"
        for path in (ROOT / "templates").rglob("*.html")
        for found in re.finditer(
            r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>|\sstyle=\"|\son[a-z]+=\"",
            path.read_text(),
        )
        if "email" not in path.parts
    ]
    assert inline == []
