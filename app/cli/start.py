"""Start the console: everything at once, or one process of it."""

import threading
from typing import Annotated

import typer

from app.core.settings import settings


def up() -> None:
    """Run the whole console on this machine, on embedded stores unless the settings name others. Ctrl-C stops it."""
    from app.cli.console import Console

    Console().run()


def demo() -> None:
    """Run the console with a small real production that breaks shortly after, for somebody who tries it."""
    from app.cli.trial import Trial

    Trial().run()


def web() -> None:
    """Serve pages, the JSON API and the live stream."""
    import uvicorn

    from app.web.main import create_app

    config = settings()
    uvicorn.run(
        create_app(),
        host=config.host,
        port=config.port,
        log_level=config.log_level.lower(),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        proxy_headers=bool(config.public_url),
    )


def runner(
    queue: Annotated[str, typer.Option(help="run (recoveries), look (previews, checks), or both.")] = "both",
) -> None:
    """Carry out runs and looks. The only process that holds the credentials of targets."""
    if queue != "both":
        from app.worker.main import runner as serve

        serve(queue)
        return
    from app.core.supervisor import Child, Supervisor

    supervisor = Supervisor(None, say=typer.echo, grace_s=settings().drain_s)
    for name in ("run", "look"):
        supervisor.start(Child(f"runner-{name}", ["-m", "app.cli.main", "runner", "--queue", name]))
    supervisor.watch()


def notifier() -> None:
    """Carry out deliveries to people. It reaches no target."""
    from app.worker.main import notifier as serve

    serve()


def beat() -> None:
    """One tick: look for work that nobody rang for, expire, measure freshness."""
    from app.worker.beat import run

    run(threading.Event())


def add_to(app: typer.Typer) -> None:
    for command in (up, demo, web, runner, notifier, beat):
        app.command()(command)
