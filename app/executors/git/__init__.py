"""Git: take a branch back to the content of an earlier commit, and run the command that puts a commit to work.

I lean on core and `executors.base`. Decision: never `reset --hard` and a forced push, which lose other people's commits, and never
`git revert` of a range, which stops half-way at a merge. One new commit with the old tree is pushed on top of exactly the tip that was
looked at (an explicit lease), so that the server enforces the precondition and a repeat is harmless.
"""
