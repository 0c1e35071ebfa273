from app.runs.states import RUN_ACTIVE, RUN_ENDED, RUN_MOVES, STEP_MOVES, RunState, StepState


def test_an_ended_run_never_moves_again():
    assert not RUN_ENDED & set(RUN_MOVES)


def test_every_run_state_is_either_ended_or_can_move():
    assert set(RUN_MOVES) | RUN_ENDED == set(RunState)


def test_a_run_that_needs_attention_keeps_its_targets():
    assert RunState.NEEDS_ATTENTION in RUN_ACTIVE
    assert RunState.AWAITING_APPROVAL not in RUN_ACTIVE


def test_no_step_succeeds_without_having_been_started():
    assert StepState.SUCCEEDED not in STEP_MOVES[StepState.PENDING]


def test_every_run_state_is_reachable():
    assert {new for moves in RUN_MOVES.values() for new in moves} | {RunState.DRAFT} == set(RunState)
