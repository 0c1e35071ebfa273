"""The checks that a new service is offered: error rate under 1 %, response time near the baseline, no 5xx spike."""

from typing import Any, Literal

from app.core.database import Json


def defaults_for(
    source: Literal["prometheus", "endpoint"],
    url: str,
    *,
    selector: str = "",
    counter: str = "http_requests_total",
    histogram: str = "http_request_duration_seconds",
    code: str = "code",
    window_s: float = 60.0,
) -> list[Json]:
    """Three metric checks as {"name", "kind", "config", "required"}.

    `selector` are the labels that pick the service, like `namespace="shop",app="login"`; `code` is the label of the status.
    """
    errors = ",".join(filter(None, (selector, f'{code}=~"5.."')))
    if source == "prometheus":
        requests = f"sum(rate({counter}{{{selector}}}[{{window}}]))"
        failed = f"sum(rate({counter}{{{errors}}}[{{window}}]))"
        duration = f"histogram_quantile(0.95, sum by (le) (rate({histogram}_bucket{{{selector}}}[{{window}}])))"
        share: Json = {"requests": requests, "errors": failed}
        latency: Json = {"requests": requests, "latency": duration}
    else:
        share = {"metric": counter, "matchers": errors, "of": selector}
        latency = {"metric": histogram, "matchers": selector}
    base: Json = {"source": source, "url": url, "window_s": window_s}

    def check(name: str, **config: Any) -> Json:
        return {"name": name, "kind": "metric", "required": True, "config": base | config}

    return [
        check("Error rate", measure="error_ratio", limit=1.0, **share),
        check("Response time", measure="latency", limit=500.0, baseline_factor=1.5, **latency),
        check("5xx responses", measure="rate", limit=0.5, baseline_factor=2.0, **share),
    ]
