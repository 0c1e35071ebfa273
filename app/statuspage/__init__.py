"""What the public may see, as files that stay up when everything else is down.

Owns status pages, their components, what was published about incidents and planned work, and who is told. Leans on `incidents` (a public
incident may belong to one of ours, and none of its words pass over by themselves) and `notifications` (whose outbox carries the copies).

Decision: the public state is a folder of plain files a page, and the truth about what is public is that folder. A verb raises the page's
`revision`; the notifier compares it with the revision in its own folder and writes a whole new generation beside the old one, then swaps a
symbolic link. So a notifier that lost its disk, or stands on another machine, catches up by itself, and no reader sees half of two.
"""
