"""The Kubernetes actions, for the registry. This module also pays for the import of the client, which a first call would wait for."""

from app.executors.base import Action
from app.executors.kubernetes import client
from app.executors.kubernetes.broken_pods import ReplaceBrokenPods
from app.executors.kubernetes.restart import Restart
from app.executors.kubernetes.rollback import Rollback
from app.executors.kubernetes.scale import Scale, ScaleBack, ScaleToZero
from app.executors.kubernetes.wait import Wait

client.warm()

ACTIONS: tuple[Action, ...] = (Rollback(), Restart(), Scale(), ScaleToZero(), ScaleBack(), Wait(), ReplaceBrokenPods())
