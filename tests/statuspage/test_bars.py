from datetime import UTC, datetime, timedelta

import pytest

from app.statuspage.bars import DAYS, bars, next_day
from app.statuspage.drawing import percent
from app.statuspage.models import Component, Impact

NOW = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=400)


def component(since=LONG_AGO):
    return Component(id=1, name="Sign-in", since=since)


def impact(standing, began, ended, words=""):
    return Impact(component_id=1, standing=standing, began_at=began, ended_at=ended, words=words)


def test_ninety_days_and_the_last_one_is_today():
    drawn = bars(component(), [], NOW)
    assert len(drawn.days) == DAYS == 90
    assert drawn.days[-1].date == NOW.date()
    assert {day.mark for day in drawn.days} == {"ok"}
    assert drawn.uptime == 100


def test_before_the_component_was_there_is_no_data_and_not_uptime():
    drawn = bars(component(since=NOW - timedelta(days=10)), [], NOW)
    assert [day.mark for day in drawn.days].count("none") == 79
    assert drawn.uptime == 100
    assert bars(component(since=NOW), [], NOW).uptime is None


def test_the_worst_of_a_day_is_its_mark_and_says_how_long():
    began = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
    slow = impact("degraded", began, began + timedelta(hours=3))
    down = impact("outage", began + timedelta(hours=1), began + timedelta(hours=1, minutes=38))
    day = bars(component(), [slow, down], NOW).days[-3]
    assert (day.mark, day.words) == ("bad", "Not working, 38 min")


def test_what_goes_over_midnight_marks_both_days():
    began = datetime(2026, 3, 9, 23, 50, tzinfo=UTC)
    days = bars(component(), [impact("partial", began, began + timedelta(minutes=30), "Some fail")], NOW).days
    assert [(day.mark, day.words) for day in days[-4:-2]] == [("warn", "Some fail, 10 min"), ("warn", "Some fail, 20 min")]


@pytest.mark.parametrize(("standing", "lost"), [("outage", 1.0), ("partial", 0.3), ("degraded", 0.0), ("maintenance", 0.0)])
def test_the_share_counts_an_outage_whole_and_a_partial_one_in_part(standing, lost):
    day = timedelta(days=1)
    drawn = bars(component(since=NOW - 10 * day), [impact(standing, NOW - day, NOW)], NOW)
    assert drawn.uptime == pytest.approx(100 - 10 * lost)


def test_stretches_that_overlap_count_once():
    day = timedelta(days=1)
    twice = [impact("outage", NOW - day, NOW), impact("outage", NOW - day, None)]
    assert bars(component(since=NOW - 10 * day), twice, NOW).uptime == pytest.approx(90)


def test_what_is_open_counts_until_now():
    drawn = bars(component(since=NOW - timedelta(hours=10)), [impact("outage", NOW - timedelta(hours=5), None)], NOW)
    assert drawn.uptime == pytest.approx(50)
    assert drawn.days[-1].mark == "bad"


def test_what_was_published_about_a_time_before_the_component_is_data():
    drawn = bars(
        component(since=NOW - timedelta(days=1)), [impact("outage", NOW - timedelta(days=3), NOW - timedelta(days=2, hours=23))], NOW
    )
    assert [day.mark for day in drawn.days[-4:]] == ["bad", "ok", "ok", "ok"]


def test_a_percentage_is_rounded_down_so_that_a_hundred_means_all():
    assert percent(99.9999) == "99.99\u00a0%"
    assert percent(100.0) == "100\u00a0%"
    assert next_day(NOW) == datetime(2026, 3, 13, tzinfo=UTC)
