"""The house: which room stands on which floor, and that every arrow points down."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

import deadman
from deadman.venues.deribit.session import Deribit, DeribitSession
from deadman.venues.sxbet.session import SxBet, SxBetSession
from deadman.venues.venue import Session

HOUSE = Path(deadman.__file__).parent

FLOORS: dict[int, str] = {
    1: "model",
    2: "transport",
    3: "venues cluster",
    4: "config checkins status",
    5: "control telemetry",
    6: "daemon",
    7: "cli __main__",
}
"""The roof is 7; a new room is put on the lowest floor from which it still only looks down or beside itself."""

APART = {"simulator"}
"""Knows nothing of ours; only the command line knows it."""

BESIDE = {"simulator.demo", "simulator.demo_world", "simulator.simulate"}
"""Programs that show our daemon, or let people show it, what the simulator plays."""

ROOMS_AT_MOST, ARROWS_AT_MOST = 12, 70

PURE = """
model venues.deribit.wire venues.sxbet.wire checkins.protocol cluster.wire cluster.beats
status.schema status.vocabulary status.witnesses
status.report status.page status.problems status.headline
telemetry.metrics telemetry.runbook
""".split()  # noqa: SIM905 - a table

WIRES = {"trio", "socket", "ssl", "select", "httpx", "httpcore", "trio_websocket", "wsproto", "anyio", "asyncio"}
CLOCKS = {"time", "sched", "threading"}
READINGS = {"now", "utcnow", "today"}
"""Of `datetime`: what reads a clock, where the rest only reckons."""

PORTS = {
    "trio_websocket": {"transport.websocket"},
    "wsproto": {"transport.websocket"},
    "h11": {"transport.websocket"},
    "httpx": {"transport.http"},
    "httpcore": {"transport.http"},
}
"""Each foreign package stands behind one port, so that replacing it is replacing one file."""

VENUE_NAMES = re.compile(r"deribit|sx ?bet|coinbase", re.IGNORECASE)

VAGUE = {"util", "utils", "helper", "helpers", "common", "base", "manager", "misc", "tools"}

FILES_AT_MOST, LINES_AT_MOST = 119, 20_275
"""Of all rooms but the simulator: caps that only ever come down, but for a new room."""

LONGEST_FILE, SHORTEST_FILE, MEDIAN_FILE = 400, 40, range(100, 181)
LONG_FUNCTION, MEDIAN_FUNCTION = 25, range(5, 9)
"""Lines; a long function is one of the longest tenth, and its docstring is not counted."""

SHORT_STILL: set[str] = set()


def modules() -> dict[str, Path]:
    """Every module by its name below `deadman`; the package itself is ""."""
    return {name_of(path): path for path in sorted(HOUSE.rglob("*.py"))}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(HOUSE).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text())


@cache
def imported(module: str) -> frozenset[str]:
    """All that a module imports by its full name, wherever in it, TYPE_CHECKING or not."""
    return frozenset(name for node in ast.walk(tree(module)) for name in names_in(node, module))


def names_in(node: ast.AST, module: str) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=str(origin), names=names, level=0):
            yield from (f"{origin}.{alias.name}" for alias in names)
        case ast.ImportFrom(module=origin, names=names, level=level) if level:
            yield from (f"{above(module, level)}.{origin or ''}.{alias.name}".replace("..", ".") for alias in names)


def above(module: str, level: int) -> str:
    """The package that so many dots mean in a module."""
    parts = ["deadman", *module.split(".")]
    is_package = modules()[module].name == "__init__.py"
    return ".".join(parts[: len(parts) - level + is_package])


@cache
def below(module: str) -> frozenset[str]:
    """The modules of ours that a module imports."""
    known = modules()
    ours = (name.removeprefix("deadman").removeprefix(".") for name in imported(module) if is_ours(name))
    return frozenset(name if name in known else name.rpartition(".")[0] for name in ours)


def is_ours(name: str) -> bool:
    return name == "deadman" or name.startswith("deadman.")


def packages(module: str) -> set[str]:
    """The foreign packages a module imports itself."""
    return {name.partition(".")[0] for name in imported(module) if not is_ours(name)}


def reach(module: str) -> set[str]:
    """A module and all of ours that it needs, however far down."""
    known, new = set[str](), {module}
    while new:
        known |= new
        new = {name for one in new for name in below(one)} - known
    return known


def room_of(module: str) -> str:
    return module.partition(".")[0]


ROOMS = {room: floor for floor, rooms in FLOORS.items() for room in rooms.split()}
HOUSED = [module for module in modules() if module and room_of(module) not in APART]
PURE_MODULES = [module for module in HOUSED if any(f"{module}.".startswith(f"{room}.") for room in PURE)]


def test_every_room_has_a_floor_and_every_floor_only_rooms_that_exist() -> None:
    assert {room_of(module) for module in HOUSED} == ROOMS.keys()


def test_arrows_point_down_only() -> None:
    def floor(module: str) -> int:
        return ROOMS.get(room_of(module), 0)

    upwards = {(module, name) for module in HOUSED for name in below(module) if name and floor(name) > floor(module)}
    assert upwards == set()


def test_the_rooms_are_few_and_so_are_the_arrows_between_them() -> None:
    arrows = {(room_of(module), room_of(name)) for module in HOUSED for name in below(module) if name}
    assert len((ROOMS.keys() | APART) - {"__main__"}) <= ROOMS_AT_MOST
    assert len({arrow for arrow in arrows if arrow[0] != arrow[1]}) < ARROWS_AT_MOST


def test_nothing_depends_on_itself_round_a_corner() -> None:
    try:
        TopologicalSorter({module: below(module) - {module} for module in modules()}).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_the_simulator_knows_nothing_of_ours() -> None:
    strangers = {
        module: sorted(name for name in below(module) if room_of(name) not in APART)
        for module in modules()
        if room_of(module) in APART and module not in BESIDE
    }
    assert len(strangers) > 5
    assert not any(strangers.values()), strangers


def test_only_the_command_line_knows_the_simulator() -> None:
    knowing = {module for module in HOUSED if any(room_of(name) in APART for name in below(module))}
    assert {room_of(module) for module in knowing} <= {"cli"}


def test_a_pure_room_imports_no_clock_and_no_wire_however_far_down() -> None:
    needed = {(module, name): packages(name) & (WIRES | CLOCKS) for module in PURE_MODULES for name in reach(module)}
    assert {arrow: found for arrow, found in needed.items() if found} == {}


def test_a_pure_room_never_asks_what_time_it_is() -> None:
    asked = [
        (module, node.attr)
        for module in PURE_MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute)
        and node.attr in READINGS
        and isinstance(node.value, ast.Name)
        and node.value.id in {"datetime", "date"}
    ]
    assert asked == []


def test_the_pure_rooms_exist() -> None:
    missing = [room for room in PURE if not any(f"{module}.".startswith(f"{room}.") for module in modules())]
    assert missing == []


@pytest.mark.parametrize("package", PORTS)
def test_a_foreign_package_stands_behind_its_port(package: str) -> None:
    users = {module for module in HOUSED if package in packages(module) and room_of(module) != "cli"}
    assert users
    assert users <= PORTS[package]


def test_both_venues_have_the_same_rooms() -> None:
    deribit, sxbet = ({path.name for path in (HOUSE / "venues" / venue).glob("*.py")} for venue in ("deribit", "sxbet"))
    assert deribit == sxbet


@pytest.mark.parametrize("one", [DeribitSession, SxBetSession])
def test_both_sessions_offer_what_a_keeper_asks_with_the_same_signatures_and_no_more(one: type) -> None:
    assert public(one) == public(Session)


def test_both_doors_open_the_same_ways() -> None:
    doors = public(Deribit), public(SxBet)
    assert doors[0].keys() & {"open_session", "look"} == doors[1].keys() & {"open_session", "look"}
    assert len(doors[1]) >= 1
    assert doors[1].keys() <= doors[0].keys()


def public(kind: type) -> dict[str, list[tuple[str, Any]]]:
    """The public methods of a class, and the names and types of what each takes."""
    methods = {name: value for name, value in vars(kind).items() if callable(value) and not name.startswith("_")}
    return {
        name: [(parameter.name, parameter.annotation) for parameter in inspect.signature(method).parameters.values()]
        for name, method in methods.items()
    }


def test_only_the_venues_own_folders_name_a_venue() -> None:
    """Texts and comments included; the page in `deadman/__init__` may show one on its walks."""
    others = [module for module in HOUSED if room_of(module) != "venues"]
    named = {module: VENUE_NAMES.findall(modules()[module].read_text()) for module in others}
    assert {module: names for module, names in named.items() if names} == {}


def test_no_room_has_a_name_that_says_nothing() -> None:
    assert [module for module in modules() if VAGUE & set(module.split("."))] == []


def test_only_the_supervisor_survives_any_bug() -> None:
    broad = [module for module in HOUSED for node in ast.walk(tree(module)) if swallows_anything(node)]
    assert broad == ["daemon.keepers"]


def swallows_anything(node: ast.AST) -> bool:
    """An `except` of everything that does not end in raising it again."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    broad = node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
    return broad and not isinstance(node.body[-1], ast.Raise)


def test_no_class_has_the_name_of_another() -> None:
    """But for twins in the venues' folders, and for protocols that ask a part of what the other offers."""
    homes: dict[str, set[str]] = {}
    for module in HOUSED:
        for node in tree(module).body:
            if isinstance(node, ast.ClassDef) and not any(ast.unparse(base) == "Protocol" for base in node.bases):
                homes.setdefault(node.name, set()).add(re.sub(r"^venues\.\w+\.", "venues.", module))
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def test_beside_files_with_a_dot_the_top_holds_nothing_new() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=HOUSE.parent, capture_output=True, text=True, timeout=10
    ).stdout.split()
    top = {name.partition("/")[0] for name in tracked if not name.startswith(".")}
    assert top <= {"pyproject.toml", "README.md", "deadman", "config.example.toml", "systemd", "tests"}


def test_the_house_is_small_enough_to_be_held_in_the_head() -> None:
    assert len(HOUSED) <= FILES_AT_MOST
    assert sum(lines_of(module) for module in HOUSED) <= LINES_AT_MOST


def test_no_file_is_too_long_to_be_read_at_one_sitting() -> None:
    assert {module: lines for module in modules() if (lines := lines_of(module)) > LONGEST_FILE} == {}


def test_a_file_is_short_only_where_it_is_a_verb_or_the_face_of_a_room() -> None:
    faces = {module for module in HOUSED if modules()[module].name in ("__init__.py", "__main__.py")}
    rooms = {module for module in HOUSED if room_of(module) != "cli"} - faces
    assert {module for module in rooms if lines_of(module) < SHORTEST_FILE} <= SHORT_STILL


def test_a_file_is_in_the_middle_neither_a_crumb_nor_a_tome() -> None:
    lengths = sorted(lines_of(module) for module in HOUSED if modules()[module].name != "__init__.py")
    assert lengths[len(lengths) // 2] in MEDIAN_FILE


def test_functions_are_in_the_middle_neither_crumbs_nor_tomes() -> None:
    lengths = sorted(length_of(node) for module in HOUSED for node in ast.walk(tree(module)) if is_function(node))
    assert lengths[len(lengths) // 2] in MEDIAN_FUNCTION
    assert lengths[len(lengths) * 9 // 10] <= LONG_FUNCTION


def lines_of(module: str) -> int:
    return len(modules()[module].read_text().splitlines())


def is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def length_of(node: Any) -> int:
    """Lines of a function from its `def` on, its docstring left out."""
    docstring = ast.get_docstring(node, clean=False)
    return int(node.end_lineno) - int(node.lineno) + 1 - (len(docstring.splitlines()) if docstring else 0)
