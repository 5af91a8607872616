"""Timing in turns: in which order, how often, and which of the times counts."""

import pytest

from mrcnn_lite.experiments import turns


def test_calls_take_turns_at_being_first_and_one_turn_warms_up(monkeypatch):
    clock, calls = [0.0], []
    monkeypatch.setattr(turns.time, "perf_counter", lambda: clock[0])
    seconds = {"ours": iter([0.1, 5.0, 2.0, 4.0]), "theirs": iter([0.2, 6.0, 7.0, 9.0])}

    def run(name):
        calls.append(name)
        clock[0] += next(seconds[name])

    best = turns.race([lambda: run("ours"), lambda: run("theirs")], turns=3)
    assert calls == ["ours", "theirs", "theirs", "ours"] * 2
    assert best == pytest.approx([2.0, 6.0])
