"""Start the console: everything at once, or one process of it."""

import threading
from pathlib import Path
from typing import Annotated

import typer

from app.core.errors import Refused
from app.core.settings import settings
from app.core.supervisor import wait_for_gate


def _needs_database() -> None:
    """One process of the console leans on stores that others run."""
    if not settings().database_url:
        raise Refused(
            "LASTGOOD_DATABASE_URL is not set, so this process has no database. Nothing was started: set it, or start everything on "
            "embedded stores by `lastgood up`."
        )


def up() -> None:
    """Run the whole console on this machine, on embedded stores unless the settings name others. Ctrl-C stops it."""
    from app.cli.console import Console

    Console().run()


def demo(
    kubeconfig: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, readable=True, help="Put the demo on this cluster instead of on this machine."),
    ] = None,
    image: Annotated[str, typer.Option(help="Image of the demo's workload there, without its tag.")] = "",
    good: Annotated[str, typer.Option(help="Its tag that works.")] = "v1.2.3",
    bad: Annotated[str, typer.Option(help="Its tag that does not.")] = "v1.2.4",
    url: Annotated[str, typer.Option(help="Where the workload answers /health, if it can be reached from here.")] = "",
    prometheus: Annotated[str, typer.Option(help="Prometheus that counts its http_requests_total, if there is one.")] = "",
) -> None:
    """Run the console with a small real production that breaks shortly after, for somebody who tries it."""
    from app.cli.trial import Trial
    from app.demo.wish import Wish

    if bool(kubeconfig) != bool(image):
        raise Refused("The demo on a cluster takes both --kubeconfig and --image. Nothing was started.")
    wish = Wish(kubeconfig, image, good, bad, url, prometheus) if kubeconfig else None
    Trial(wish=wish).run()


def web() -> None:
    """Serve pages, the JSON API and the live stream."""
    _needs_database()
    import uvicorn

    from app.cli.console import check_port
    from app.response.sweep import sweep_until
    from app.web.main import create_app

    config = settings()
    check_port(config.host, config.port)
    app = create_app()
    wait_for_gate()
    # one sweeper more: with every worker gone, what expires still expires
    threading.Thread(target=sweep_until, args=(threading.Event(),), name="sweep", daemon=True).start()
    uvicorn.run(
        app,
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
    if queue not in {"run", "look", "both"}:
        raise Refused(f"There is no queue {queue}. Nothing was started: say run, look or both.")
    _needs_database()
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
    _needs_database()
    from app.worker.main import notifier as serve

    serve()


def beat() -> None:
    """One tick: look for work that nobody rang for, expire, measure freshness."""
    _needs_database()
    from app.worker.beat import run

    run(threading.Event())


def add_to(app: typer.Typer) -> None:
    for command in (up, demo, web, runner, notifier, beat):
        app.command()(command)
