"""Returning a branch to an earlier commit, on real repositories."""

import subprocess
import threading

import pytest

from app.executors.base import Drifted, OutcomeUnknown, Standing, StepFailed, Unreachable
from app.executors.git.push_branch import PushBranch
from app.executors.git.return_to import ReturnTo
from app.executors.registry import action
from tests.executors.git.conftest import git

STEP = ReturnTo()


def params(remote, commit=None, **facts):
    where = {"repository": remote.address, "branch": "main", "local": True}
    return STEP.Params(**{**where, "commit": commit or remote.good, "version": "v1.2.3", **facts})


def resolved(remote, ctx, **facts):
    return STEP.resolve(params(remote, **facts), ctx)


def test_the_registry_knows_the_actions():
    assert isinstance(action("git.return_to"), ReturnTo)
    assert {action(f"git.{name}").cls for name in ("return_to", "push_branch")} == {"A"}
    assert (action("git.deploy").cls, action("git.deploy_blind").cls) == ("B", "C")


def test_the_plan_shows_what_is_taken_back(remote, ctx):
    plan = resolved(remote, ctx)
    assert (plan.version_now, plan.version_after, plan.already) == ("v1.2.4", "v1.2.3", False)
    assert [(fact.label, fact.value.split(", 20")[0]) for fact in plan.facts] == [
        ("Branch", f"main at {remote.bad[:8]}"),
        ("Commits taken back", "3"),
        ("Files that change", "5"),
        ("Taken back: v1.2.4", "Release v1.2.4, Ben Okafor"),
        (f"Taken back: {remote.at('main~1')[:8]}", "Store tokens, Ben Okafor"),
        (f"Taken back: {remote.at('main~2')[:8]}", "Log-in by token, Ben Okafor"),
    ]
    files = {change.setting: (change.now, change.after) for change in plan.changes}
    assert files["shop.py"] == ("as in v1.2.4", "as in v1.2.3 (+1 −1 lines)")
    assert files["new.txt"] == ("as in v1.2.4", None)
    assert files["old.txt"][0] is None
    assert "lets us push" in plan.dry_run
    assert [warning.code for warning in plan.warnings] == ["migrations"]
    assert "1 database migration lies between" in plan.warnings[0].sentence
    assert plan.warnings[0].detail == "migrations/0007_tokens.py"


def test_planning_changes_nothing(remote, ctx):
    before = git("for-each-ref", cwd=remote.bare)
    resolved(remote, ctx)
    assert git("for-each-ref", cwd=remote.bare) == before


def test_the_branch_gets_one_commit_with_exactly_the_old_content(remote, ctx):
    plan = resolved(remote, ctx)
    assert STEP.observe(plan.body, ctx).standing is Standing.NOT_STARTED
    STEP.apply(plan.body, ctx)
    assert remote.at("main^{tree}") == remote.at("v1.2.3^{tree}")
    assert remote.at("main~1") == remote.bad
    assert "Lastgood-Operation: run-12-step-1" in git("log", "-1", "--format=%B", "main", cwd=remote.bare)
    seen = STEP.observe(plan.body, ctx)
    assert (seen.standing, seen.evidence["tree"]) == (Standing.DONE, remote.at("v1.2.3^{tree}"))


def test_applied_twice_it_is_there_once(remote, ctx):
    plan = resolved(remote, ctx)
    first = STEP.apply(plan.body, ctx)
    assert STEP.apply(plan.body, ctx) == first
    assert remote.at("main") == first["tip"]


def test_a_branch_with_the_content_already_is_said_so(remote, ctx):
    STEP.apply(resolved(remote, ctx).body, ctx)
    plan = resolved(remote, ctx)
    assert plan.already
    assert plan.version_now == "v1.2.3"


def test_the_pin_is_the_same_for_the_same_world_and_another_one_when_the_branch_moved(remote, ctx):
    first = resolved(remote, ctx).pin
    assert resolved(remote, ctx).pin == first
    remote.commit("A fix", {"fix.txt": "f\n"})
    assert resolved(remote, ctx).pin != first


def test_a_branch_that_moved_is_left_alone_and_its_new_tip_is_named(remote, ctx):
    plan = resolved(remote, ctx)
    tip = remote.commit("Fix the token by hand", {"fix.txt": "f\n"})
    seen = STEP.observe(plan.body, ctx)
    assert seen.standing is Standing.DRIFTED
    with pytest.raises(Drifted, match=rf"main has moved.*{tip[:8]} by Ben Okafor: Fix the token by hand.*Nothing was changed"):
        STEP.apply(plan.body, ctx)
    assert remote.at("main") == tip


def test_a_colleague_who_pushes_in_the_last_moment_wins(remote, ctx, as_step):
    """The look before the push sees the old tip; the lease, checked by the server, sees the new one."""
    plan = resolved(remote, ctx)
    tips = []

    def hit(point):
        if point == "before_call":
            tips.append(remote.commit("Just in time", {"late.txt": "l\n"}))

    racing = as_step("run-12-step-1", hit=hit)
    with pytest.raises(Drifted, match="Just in time"):
        STEP.apply(plan.body, racing)
    assert remote.at("main") == tips[0]


def test_two_operations_at_once_make_one_commit(remote, ctx, as_step):
    plan = resolved(remote, ctx)
    ends = []

    def work(number):
        own = as_step(f"run-{number}-step-1", folder=ctx.folder / str(number))
        try:
            STEP.apply(plan.body, own)
            ends.append("landed")
        except Drifted:
            ends.append("drifted")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "landed" in ends
    assert git("rev-list", "--count", f"{remote.bad}..main", cwd=remote.bare) == "1"


def test_a_protected_branch_is_refused_with_the_servers_word_and_the_other_way(remote, ctx):
    remote.hook("pre-receive", "echo 'main is protected: open a merge request' >&2; exit 1\n")
    plan = resolved(remote, ctx)
    with pytest.raises(StepFailed, match=r"main is protected: open a merge request.*by a pull request.*rollback/v1\.2\.3") as refusal:
        STEP.apply(plan.body, ctx)
    assert not isinstance(refusal.value, Drifted)
    assert remote.at("main") == remote.bad


def test_a_reply_cut_off_after_the_effect_is_unknown_and_the_next_look_finds_it_done(remote, ctx):
    """The push lands, then the transport dies: the hook ends git's own process on the server's side."""
    remote.hook("post-receive", "kill -9 $(ps -o ppid= -p $$) 2>/dev/null; sleep 0.2\n")
    plan = resolved(remote, ctx)
    with pytest.raises(OutcomeUnknown, match="may have landed or not"):
        STEP.apply(plan.body, ctx)
    assert STEP.observe(plan.body, ctx).standing is Standing.DONE
    assert STEP.apply(plan.body, ctx)["tip"] == remote.at("main")
    assert remote.at("main~1") == remote.bad


def test_a_repository_that_is_gone_at_the_moment_of_the_push_means_that_nothing_happened(remote, ctx):
    plan = resolved(remote, ctx)
    remote.bare.rename(remote.bare.with_name("moved.git"))
    with pytest.raises(StepFailed, match=r"cannot be read.*Nothing was changed"):
        STEP.apply(plan.body, ctx)


def test_a_look_that_is_cancelled_ends_at_once(remote, as_step):
    with pytest.raises(Unreachable, match="was cancelled"):
        resolved(remote, as_step("look", cancelled=lambda: True))


def test_a_push_that_hangs_is_cut_and_unknown(remote, ctx, as_step):
    remote.hook("pre-receive", "exec sleep 30\n")
    plan = resolved(remote, ctx)
    with pytest.raises(OutcomeUnknown, match="cut off"):
        STEP.apply(plan.body, as_step("run-12-step-1", deadline_s=1.5))


def test_our_commit_is_recognised_below_what_others_pushed_on_top(remote, ctx):
    plan = resolved(remote, ctx)
    STEP.apply(plan.body, ctx)
    remote.pull()
    remote.commit("A proper fix", {"fix.txt": "f\n"})
    seen = STEP.observe(plan.body, ctx)
    assert seen.standing is Standing.DONE
    assert "A proper fix came after it" in seen.sentence


def test_undo_brings_the_content_of_the_previous_tip_back(remote, ctx, as_step):
    plan = resolved(remote, ctx)
    STEP.apply(plan.body, ctx)
    undo = STEP.undo(plan.body, ctx)
    assert undo.action == "git.return_to"
    later = as_step("run-13-step-1")
    back = STEP.resolve(STEP.Params(**undo.params), later)
    assert (back.version_now, back.version_after) == ("v1.2.3", "v1.2.4")
    STEP.apply(back.body, later)
    assert remote.at("main^{tree}") == remote.at("v1.2.4^{tree}")
    assert git("rev-list", "--count", f"{remote.bad}..main", cwd=remote.bare) == "2"


def test_it_works_through_a_merge(remote, ctx):
    git("checkout", "--quiet", "-b", "side", remote.good, cwd=remote.work)
    (remote.work / "side.txt").write_text("s\n")
    git("add", "-A", cwd=remote.work)
    git("commit", "--quiet", "-m", "Side work", cwd=remote.work)
    git("checkout", "--quiet", "main", cwd=remote.work)
    git("merge", "--quiet", "--no-ff", "-m", "Merge side", "side", cwd=remote.work)
    git("push", "--quiet", "origin", "main", cwd=remote.work)
    STEP.apply(resolved(remote, ctx).body, ctx)
    assert remote.at("main^{tree}") == remote.at("v1.2.3^{tree}")


def test_a_commit_of_another_history_is_refused(remote, ctx):
    git("checkout", "--quiet", "--orphan", "other", cwd=remote.work)
    git("commit", "--quiet", "-m", "Elsewhere", cwd=remote.work)
    git("tag", "v9", cwd=remote.work)
    git("push", "--quiet", "origin", "v9", cwd=remote.work)
    with pytest.raises(StepFailed, match="is not part of the history of main"):
        resolved(remote, ctx, commit=git("rev-parse", "v9", cwd=remote.work))


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"commit": "f" * 40}, "is not in the repository any more"),
        ({"commit": "v1.2.3"}, "not the full id of a commit"),
        ({"commit": "--upload-pack=x"}, "not the full id of a commit"),
        ({"branch": "--all"}, "not the name of a branch"),
        ({"branch": "a..b"}, "not the name of a branch"),
        ({"branch": "refs/heads/ x"}, "not the name of a branch"),
        ({"branch": "gone"}, "There is no branch gone"),
    ],
)
def test_what_makes_no_sense_is_refused(remote, ctx, facts, sentence):
    with pytest.raises(StepFailed, match=sentence):
        resolved(remote, ctx, **facts)


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("/etc", False),
        ("ext::sh -c true", True),
        ("http://shop.example.org/a.git", False),
        ("git://shop.example.org/a.git", False),
        ("-u", True),
    ],
)
def test_other_ways_to_reach_a_repository_are_refused(remote, ctx, address, local):
    with pytest.raises(StepFailed, match="not an address that the console uses"):
        resolved(remote, ctx, repository=address, local=local)


def test_a_repository_inside_the_private_network_takes_an_administrator(remote, ctx):
    with pytest.raises(Unreachable, match=r"allow host 127\.0\.0\.1 with port 443"):
        resolved(remote, ctx, repository="https://127.0.0.1/shop.git")
    with pytest.raises(Unreachable, match=r"allow host 10\.0\.0\.7 with port 22"):
        resolved(remote, ctx, repository="git@10.0.0.7:shop.git")


def test_a_repository_that_is_not_there_is_unreachable(remote, ctx, tmp_path):
    with pytest.raises(Unreachable, match=r"cannot be read.*Check the repository's address"):
        resolved(remote, ctx, repository=str(tmp_path / "gone.git"))


def test_our_own_settings_and_hooks_have_no_say(remote, ctx, tmp_path, monkeypatch):
    """A machine's git settings (and a copy's hooks) could run programs; ours reads none of them."""
    ran = tmp_path / "ran"
    (tmp_path / "hooks").mkdir()
    hook = tmp_path / "hooks" / "reference-transaction"
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    settings = tmp_path / "gitconfig"
    subprocess.run(["git", "config", "--file", settings, "core.hooksPath", tmp_path / "hooks"], check=True)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    STEP.apply(resolved(remote, ctx).body, ctx)
    assert not ran.exists()


def test_without_a_folder_the_copy_is_made_for_this_once(remote, ctx, as_step):
    once = as_step("run-12-step-1", folder=None)
    STEP.apply(resolved(remote, once).body, once)
    assert remote.at("main^{tree}") == remote.at("v1.2.3^{tree}")


def test_only_a_branch_is_pushed_where_people_merge(remote, ctx):
    step = PushBranch()
    remote.hook("pre-receive", "while read old new ref; do [ $ref = refs/heads/main ] && exit 1; done; exit 0\n")
    wanted = step.Params(repository=remote.address, branch="main", commit=remote.good, version="v1.2.3", local=True)
    plan = step.resolve(wanted, ctx)
    assert plan.title == "Push the branch rollback/v1.2.3 for people to merge into main"
    assert step.observe(plan.body, ctx).standing is Standing.NOT_STARTED
    first = step.apply(plan.body, ctx)
    assert step.apply(plan.body, ctx) == first
    assert step.observe(plan.body, ctx).standing is Standing.DONE
    assert remote.at("rollback/v1.2.3^{tree}") == remote.at("v1.2.3^{tree}")
    assert remote.at("rollback/v1.2.3~1") == remote.at("main") == remote.bad
    assert step.resolve(wanted, ctx).already
    assert step.undo(plan.body, ctx) is None


def test_a_branch_of_that_name_with_another_content_is_left_alone(remote, ctx):
    step = PushBranch()
    wanted = step.Params(repository=remote.address, branch="main", commit=remote.good, version="v1.2.3", local=True)
    plan = step.resolve(wanted, ctx)
    git("push", "--quiet", "origin", "main:refs/heads/rollback/v1.2.3", cwd=remote.work)
    with pytest.raises(StepFailed, match=r"rollback/v1\.2\.3 with another content"):
        step.resolve(wanted, ctx)
    with pytest.raises(Drifted, match="exists with another content"):
        step.apply(plan.body, ctx)
    assert remote.at("rollback/v1.2.3") == remote.bad
