"""Every git action, for the registry."""

from app.executors.base import Action
from app.executors.git.deploy import BlindDeploy, Deploy
from app.executors.git.push_branch import PushBranch
from app.executors.git.return_to import ReturnTo

ACTIONS: tuple[Action, ...] = (ReturnTo(), PushBranch(), Deploy(), BlindDeploy())
