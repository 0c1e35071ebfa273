"""The rules that the issue names, and the time to decide by severity: what version 1, which the migration writes, must be."""

from app.core.database import Json

RULES: list[Json] = [
    {
        "id": "critical-broken",
        "side": "rollback",
        "text": "Critical functionality is broken",
        "fact": "critical_broken",
        "is": "is",
        "value": True,
    },
    {"id": "error-rate", "side": "rollback", "text": "The error rate is above 5 %", "fact": "error_rate", "is": "above", "value": 5.0},
    {
        "id": "slow",
        "side": "rollback",
        "text": "The response time is above 1.5 times the baseline",
        "fact": "latency_ratio",
        "is": "above",
        "value": 1.5,
    },
    {
        "id": "corruption",
        "side": "rollback",
        "text": "Data corruption is occurring",
        "fact": "data_corruption",
        "is": "is",
        "value": True,
    },
    {
        "id": "vulnerability",
        "side": "rollback",
        "text": "A security vulnerability was introduced",
        "fact": "vulnerability",
        "is": "is",
        "value": True,
    },
    {
        "id": "no-quick-fix",
        "side": "rollback",
        "text": "It cannot be fixed forward within 30 minutes",
        "fact": "fix_minutes",
        "is": "above",
        "value": 30.0,
    },
    {
        "id": "workaround",
        "side": "fix_forward",
        "text": "It is a minor bug with a workaround",
        "fact": "minor_with_workaround",
        "is": "is",
        "value": True,
    },
    {
        "id": "quick-fix",
        "side": "fix_forward",
        "text": "A fix is available within 15 minutes",
        "fact": "fix_minutes",
        "is": "at_most",
        "value": 15.0,
    },
    {
        "id": "few-users",
        "side": "fix_forward",
        "text": "Fewer than 1 % of users are affected",
        "fact": "users_affected",
        "is": "below",
        "value": 1.0,
    },
    {
        "id": "loses-data",
        "side": "fix_forward",
        "text": "Rolling back would lose data",
        "fact": "rollback_loses_data",
        "is": "is",
        "value": True,
    },
]
DECIDE_WITHIN: dict[str, int] = {"critical": 5, "high": 15, "medium": 60, "low": 240}  # minutes after declaring
