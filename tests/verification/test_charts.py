from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from app.verification import charts
from app.verification.charts import Chart, Lane

BEGAN = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def at(minutes):
    return BEGAN + timedelta(minutes=minutes)


def chart(points=(), **facts):
    return Chart(key="check-0", title="Error rate", start=BEGAN, end=at(12), points=points, unit="%", limit=1.0, **facts)


def drawn(markup):
    assert "style" not in markup
    return ElementTree.fromstring(str(markup).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def found(tree, kind):
    return [element for element in tree.iter() if kind in element.get("class", "").split()]


CLIMB = [(at(0), 12.4), (at(5), 12.6), (at(7), None), (at(8), 0.5), (at(10), 0.4)]


def test_a_chart_shows_the_curve_with_a_gap_the_limit_the_rollback_and_the_soak():
    marks = [(at(5.4), "rollback"), (at(7.2), "")]
    tree = drawn(charts.small_multiple(chart(CLIMB, marks=marks, soak=(at(7.4), at(10)))))
    assert len(found(tree, "lg-chart-line")) == 2
    assert len(found(tree, "lg-chart-mark")) == 2
    assert found(tree, "lg-chart-limit-word")[0].text == "1\u00a0%"
    assert float(found(tree, "lg-chart-soak")[0].get("width")) == pytest.approx((charts.RIGHT - charts.LEFT) * 2.6 / 12, abs=0.1)
    assert [text.text for text in found(tree, "lg-chart-tick") if ":" in text.text] == ["14:30", "14:35", "14:40"]


def test_a_chart_says_in_words_what_the_eye_sees():
    tree = drawn(charts.small_multiple(chart(CLIMB, marks=[(at(5.4), "rollback")])))
    assert tree.find(f"{SVG}title").text == "Error rate"
    assert tree.find(f"{SVG}desc").text == (
        "From 14:30:00 to 14:42:00 UTC. First 12.4\u00a0%, highest 12.6\u00a0%, last 0.4\u00a0%. The limit is 1\u00a0%. rollback 14:35:24."
    )
    assert tree.get("aria-labelledby") == "check-0-title check-0-desc"


@pytest.mark.parametrize("points", [[], [(at(1), None)], [(at(1), 0.0)], [(at(1), float("inf"))], [(at(1), -3.0), (at(2), 4e9)]])
def test_whatever_the_values_are_a_chart_is_drawn(points):
    tree = drawn(charts.small_multiple(chart(points)))
    assert "nan" not in ElementTree.tostring(tree, encoding="unicode")
    drawn(charts.sparkline(points, limit=1.0))


def test_thousands_of_points_are_thinned_and_the_newest_stays():
    points = [(BEGAN + timedelta(seconds=second / 10), float(second)) for second in range(7000)]
    thin = charts._thinned(points)
    assert len(thin) <= 360
    assert thin[-1] == points[-1]


def test_user_text_is_escaped():
    markup = charts.small_multiple(Chart(key="k", title="<script>", start=BEGAN, end=at(1), marks=[(BEGAN, "<b>")]))
    assert "<script>" not in markup
    assert "<b>" not in markup


def test_each_replica_has_a_lane_from_when_it_came_up_and_the_wrong_ones_come_first():
    replicas = [Lane("login-1", "v1.2.3", at(6)), Lane("login-2", "v1.2.4", at(0), right=False)]
    tree = drawn(charts.lanes(chart(soak=(at(7), at(10))), replicas))
    assert [text.text for text in found(tree, "lg-chart-name")] == ["login-2", "login-1"]
    assert [lane.get("class") for lane in found(tree, "lg-chart-lane")] == ["lg-chart-lane is-wrong", "lg-chart-lane is-right"]
    assert "login-1 runs v1.2.3 since 14:36:00" in tree.find(f"{SVG}desc").text


def test_a_sparkline_is_small_and_silent_unless_it_has_a_title():
    assert drawn(charts.sparkline(CLIMB, limit=1.0, marks=[at(5)])).get("aria-hidden") == "true"
    assert drawn(charts.sparkline(CLIMB, title="Error rate")).get("aria-label") == "Error rate"
