"""People: who they are, how they prove it, what they may do.

I own users, grants, sign-ins, invitations and API tokens; I lean on audit and core.
Decision: a grant is (role, everything or one service). The service is a plain number without a foreign key, because
services stand on the floor above; they are archived and never deleted, so a grant cannot dangle.
"""
