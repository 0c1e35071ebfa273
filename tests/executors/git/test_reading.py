"""What a branch holds, and how its commits are named."""

from pathlib import Path

import pytest

from app.executors.base import Context, StepFailed, Unreachable
from app.executors.git import remotes
from app.executors.git.reading import read_branch
from app.executors.git.return_to import ReturnTo
from tests.executors.git.conftest import git


def test_a_branch_tells_its_tip_and_its_versions(remote, ctx):
    branch = read_branch({}, remote.address, "main", ctx, local=True)
    assert (branch.tip, branch.version, branch.author, branch.subject) == (remote.bad, "v1.2.4", "Ben Okafor", "Release v1.2.4")
    assert branch.tags == ("v1.2.4",)
    assert [known.version for known in branch.log][:4] == ["v1.2.4", remote.at("main~1")[:8], remote.at("main~2")[:8], "v1.2.3"]


def test_after_a_return_the_tip_has_the_version_of_the_content(remote, ctx):
    step = ReturnTo()
    wanted = step.Params(repository=remote.address, branch="main", commit=remote.good, version="v1.2.3", local=True)
    step.apply(step.resolve(wanted, ctx).body, ctx)
    branch = read_branch({}, remote.address, "main", ctx, local=True)
    assert branch.version == "v1.2.3"
    assert branch.tip != remote.good
    assert branch.release == branch.same_as == remote.good


def test_what_was_deleted_or_forced_at_the_other_end_is_followed(remote, ctx):
    read_branch({}, remote.address, "main", ctx, local=True)
    git("push", "--quiet", "--force", "origin", f"{remote.good}:main", cwd=remote.work)
    git("push", "--quiet", "origin", ":v1.2.4", cwd=remote.work)
    branch = read_branch({}, remote.address, "main", ctx, local=True)
    assert (branch.tip, branch.version) == (remote.good, "v1.2.3")


def test_a_branch_that_is_not_there_is_named(remote, ctx):
    with pytest.raises(StepFailed, match="There is no branch trunk"):
        read_branch({}, remote.address, "trunk", ctx, local=True)


def test_a_folder_of_this_machine_is_no_repository_unless_the_target_says_so(remote, ctx):
    with pytest.raises(StepFailed, match="not an address that the console uses"):
        read_branch({}, remote.address, "main", ctx)


def test_a_token_travels_in_the_environment_and_never_in_an_argument():
    ctx = Context(
        operation="look", credentials={"git": {"token": "s3cret-token", "username": "bot"}}, allowed=frozenset({("127.0.0.1", 443)})
    )
    with remotes.road("https://127.0.0.1/shop.git", ctx, local=False) as way:
        assert "s3cret" not in " ".join(way.settings)
        assert way.env["LASTGOOD_GIT_TOKEN"] == "s3cret-token"
        assert "http.curloptResolve=127.0.0.1:443:127.0.0.1" in way.settings
        with open(way.env["GIT_ASKPASS"]) as program:
            assert "s3cret" not in program.read()


def test_a_key_lies_in_a_file_of_our_own_that_goes_away():
    ctx = Context(operation="look", credentials={"git": "-----BEGIN OPENSSH PRIVATE KEY-----\nabc"}, allowed=frozenset({("127.0.0.1", 22)}))
    with remotes.road("git@127.0.0.1:shop.git", ctx, local=False) as way:
        argv = way.env["GIT_SSH_COMMAND"].split()
        key = argv[argv.index("-i") + 1]
        with open(key) as file:
            assert file.read().startswith("-----BEGIN")
        assert Path(key).stat().st_mode & 0o777 == 0o600
        assert "StrictHostKeyChecking=yes" in argv
    assert not Path(key).exists()


def test_a_server_that_refuses_the_credential_is_told_with_what_to_do(remote, ctx, as_step):
    """A real https call to nobody: refused at once, and said in a sentence."""
    own = as_step("look", allowed=frozenset({("127.0.0.1", 9)}))
    with pytest.raises(Unreachable, match="cannot be read"):
        read_branch({}, "https://127.0.0.1:9/shop.git", "main", own)


def test_a_copy_that_a_killed_git_left_locked_or_broken_is_mended(remote, ctx):
    read_branch({}, remote.address, "main", ctx, local=True)
    [copy] = (ctx.folder / "repositories").glob("*/bare.git")
    remote.commit("Another one", {"a.txt": "a\n"})
    (copy / "packed-refs.lock").touch()
    (copy / "refs" / "heads" / "main.lock").touch()
    assert read_branch({}, remote.address, "main", ctx, local=True).subject == "Another one"
    for place in (copy / "objects").rglob("*"):
        if place.is_file():
            place.chmod(0o644)
            place.write_bytes(b"")
    remote.commit("And another", {"b.txt": "b\n"})
    assert read_branch({}, remote.address, "main", ctx, local=True).subject == "And another"
