"""Simulated worlds in which the daemon lives, and the laws that must hold in all of them.

    python -m tests.swarm                       every play, whole
    python -m tests.swarm seeds 1 100           worlds by seed; `seeds 7` tells one as a story
    python -m tests.swarm days 1 44             a thousand account-days, with a trouble every hour or two
    python -m tests.swarm absences              every cell of a play; with a cell's name, that one as a story
    python -m tests.swarm plants                every mended defect, put back and looked for blindly

A world is deterministic: a seed or a cell's name plays it again to the last fact, and a failure prints the command.

How to read it. `world` is everything beyond the daemon's ports: venues, bots, the machine; the daemon in it is
`deadman.daemon.daemon.Daemon` itself (`world/life.py` gives it its ports), its config is a TOML file that the real
loader reads (`world/config.py`), its operators speak JSON-RPC. `troubles` is what goes wrong. `laws` is what must hold,
watched at every step of every world. `plays` says which worlds are played. `plants.py` puts mended defects back,
one at a time, to prove that a law finds each.

How to extend it.

* A law: one file in `laws/`, a subclass of `Law` (`laws/law.py`) whose docstring is its sentence and whose `name`
  is what a violation is called; override `look`, `read`, `on_fact` … and say `self.expect(held, what)`. One line in
  `LAWS` (`laws/__init__.py`). It imports nothing that judges: it goes by facts, by the config, by what is told, and
  by the venues' books (`Market.open_orders`, `lease_end`, `sessions`, `would_cancel`). A tolerance that is no bound
  of the promise is an excuse: one entry in `laws/excuses.py`, with its reason and a measure.
* A trouble: a function of the desk and of chance that does harm and returns how to undo it
  (`troubles/weather*.py`), or a method of `Machine`; its name goes into the table there. Knobs of the venues live
  in `deadman.simulator.faults`.
* A play: one file in `plays/` with `cells()`, which yields `Cell`s (`plays/stage.py`): a name that finds it again,
  a kind of which one is played on every run, and a story told to a `Stage`. One line in `PLAYS`
  (`plays/__init__.py`), and a test in `test_plays.py` that plays `usual(cells())`. A story that makes trouble
  says so by `with stage.trouble(…)`: some laws hold only while nothing is wrong. What a story claims besides the
  laws, it says by `stage.record.expect`.
* A plant: one entry in `plants.py`: how the old behaviour is put back (`planting.py`: an edit of a function's text, or
  another value), the cell that is cheapest, and the law that must break. `search.py` looks for it blindly.
"""
