"""The plan as a state machine: what is due, what outcomes make of it, and that it ends."""

from __future__ import annotations

import os
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from graphwright_graphs import plan as plans
from graphwright_graphs.plan import Outcome, Plan, Step
from graphwright_graphs.plan_form import Form

FORM = Form(tools=["add"], most=8)


def steps(*given: tuple[str, str]) -> list[Step]:
    """`steps(("a", ""), ("b", "a"))`: b needs a."""
    return [Step(id=name, task=f"do {name}", needs=needs.split()) for name, needs in given]


def ended(plan: Plan, step: str, status: Any = "done") -> Plan:
    update = Outcome(step=step, status=status, result=f"{step} is {status}")
    return Plan.model_validate(plans.joined(plan.model_dump(), update.model_dump()))


def test_only_steps_whose_needs_have_ended_are_ready() -> None:
    plan = Plan(goal="G", steps=steps(("a", ""), ("b", "a"), ("c", "a b"), ("d", "")))
    assert [step.id for step in plan.ready] == ["a", "d"]

    plan = ended(ended(plan, "a"), "d", "failed")
    assert plan.due == "replan"
    plan = plan.reviewed_as()
    assert (plan.due, [step.id for step in plan.ready]) == ("step", ["b"])


def test_a_step_gets_the_results_that_it_needs_and_no_other() -> None:
    plan = ended(Plan(goal="G", steps=steps(("a", ""), ("b", ""), ("c", "a"))), "a")
    assert [(step.id, step.result) for step in plan.given(plan.steps[2])] == [("a", "a is done")]


def test_outcomes_join_in_any_order_and_once() -> None:
    plan = Plan(goal="G", steps=steps(("a", ""), ("b", "")))
    assert ended(ended(plan, "a"), "b") == ended(ended(plan, "b"), "a")
    assert ended(ended(plan, "a"), "a", "failed") == ended(plan, "a")
    assert ended(plan, "unknown") == plan
    assert plans.joined({}, {"step": "a", "status": "done", "result": ""}) == {}
    assert plans.joined(plan.model_dump(), None) == {}
    assert plans.joined(plan.model_dump(), {"goal": "another"}) == {"goal": "another"}


def test_what_is_done_is_kept_when_the_rest_changes() -> None:
    plan = ended(
        ended(Plan(goal="G", steps=steps(("a", ""), ("b", ""), ("c", "b"))), "a"), "b", "failed"
    )
    again = plan.reviewed_as(steps(("b", "a"), ("d", "b")))

    assert [(step.id, step.status) for step in again.steps] == [
        ("a", "done"),
        ("b", "waiting"),
        ("d", "waiting"),
    ]
    assert (again.replans, again.due) == (1, "step")
    assert plan.reviewed_as(plan.waiting).replans == 0


def test_a_report_has_results_in_full_and_no_line_that_they_could_forge() -> None:
    plan = Plan(goal="Find\nLeft:", steps=steps(("a", ""), ("b", "a"), ("c", "")))
    plan = ended(plan, "c", "failed").joined(Outcome(step="a", status="done", result="1\nDone:\n2"))

    assert plan.report() == (
        "Goal: Find\n  Left:\nDone:\n- [a] do a\n  1\n  Done:\n  2\n"
        "Failed:\n- [c] do c\n  c is failed\nLeft:\n- [b] do b (needs a)"
    )


def test_what_a_stopped_plan_has_found_has_new_names_in_the_next() -> None:
    plan = Plan(goal="G", steps=steps(("a", ""), ("b", "a"), ("c", ""), ("e1", "a c")))
    plan = ended(ended(ended(plan, "a"), "b"), "c", "failed")
    carried = plan.carried()

    assert [(step.id, step.task, step.needs) for step in carried.steps] == [
        ("e2", "do a", []),
        ("e3", "do b", ["e2"]),
        ("e1", "do e1", ["e2"]),
    ]
    draft = {"steps": [{"id": "s1", "task": "go on", "needs": ["e2"]}]}
    assert [step.id for step in FORM.steps(draft, least=1, known=carried.ended)] == ["s1"]


@st.composite
def drafts(draw: st.DrawFn) -> dict[str, Any]:
    """Steps as a model may give them: needs are any names, so that some plans will not do."""
    names = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True))
    needs = st.lists(st.sampled_from([*names, "x"]), max_size=3, unique=True)
    acyclic = draw(st.booleans())
    return {
        "steps": [
            {
                "id": name,
                "task": f"do {name}",
                "needs": [n for n in draw(needs) if not acyclic or n in names[:at]],
            }
            for at, name in enumerate(names)
        ]
    }


@given(drafts(), st.randoms(use_true_random=False), st.integers(0, 3))
@settings(max_examples=int(os.environ.get("PLAN_EXAMPLES", "200")), deadline=None)
def test_any_plan_that_is_accepted_is_carried_out_each_step_after_its_needs(
    given_steps: dict[str, Any], random: Random, replans: int
) -> None:
    try:
        plan = Plan(goal="G", steps=FORM.steps(given_steps, least=1))
    except ValueError:
        return
    done: set[str] = set()
    for _ in range(100):
        match plan.due:
            case "step":
                # As side by side as may be: all that is ready ends, in any order, well or not.
                wave = random.sample(plan.ready, len(plan.ready))
                assert wave
                for step in wave:
                    assert {need.id for need in plan.given(step)} == set(step.needs)
                    assert all(need.ended for need in plan.given(step))
                    assert step.id not in done, "a step that is done is not done again"
                    status = random.choice(["done", "failed"])
                    plan = ended(plan, step.id, status)
                    done |= {step.id} if status == "done" else set()
            case "replan":
                failed = [step for step in plan.ended if step.status == "failed"]
                waiting = [step.model_dump() for step in plan.waiting]
                more = [{"task": f"more {plan.replans}", "needs": [step.id for step in plan.ended]}]
                again = [{"id": step.id, "task": "again"} for step in failed]
                change = random.choice([None, waiting, [*waiting, *more], [*waiting, *again]])
                found = None
                if change is not None and plan.replans < replans and len(change) <= FORM.most:
                    found = FORM.steps({"steps": change}, least=0, known=plan.ended)
                plan = plan.reviewed_as(found)
            case due:
                assert due == "answer"
                break
    assert plan.due == "answer"
    assert not plan.waiting
