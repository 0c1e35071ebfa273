import sys

from app.executors.checks.reading import read


def health(site, ctx, path="/health", **config):
    return read("health", {"url": site.url + path, "timeout_s": 0.3, **config}, ctx)


def test_a_healthy_answer_passes(site, ctx):
    site.answers["/health"] = (200, "ok")
    reading = health(site, ctx)
    assert reading.outcome == "pass"
    assert reading.sentence.startswith(f"127.0.0.1:{site.port}/health answers 200 in ")
    assert site.requests[0][2]["Cache-Control"] == "no-cache"


def test_another_status_a_redirect_and_silence_fail(site, ctx):
    site.answers["/sick"] = (503, "")
    site.answers["/moved"] = (302, "", {"Location": "/health"})
    site.answers["/health"] = (200, "ok")
    site.hang("/hangs")
    assert "answers 503 instead of 200" in health(site, ctx, "/sick").sentence
    assert "answers 302 instead of 200" in health(site, ctx, "/moved").sentence
    assert "did not answer within 0.3 s" in health(site, ctx, "/hangs").sentence
    assert {health(site, ctx, path).outcome for path in ("/sick", "/moved", "/hangs")} == {"fail"}


def test_a_field_of_the_answer_can_say_that_it_is_not_well(site, ctx):
    site.answers["/health"] = (200, '{"checks": [{"db": true}]}')
    assert health(site, ctx, json_path="checks.0.db", json_equals="true").outcome == "pass"
    assert "is true instead of up" in health(site, ctx, json_path="checks.0.db", json_equals="up").sentence
    assert "has no field checks.1.db" in health(site, ctx, json_path="checks.1.db", json_equals="up").sentence
    site.answers["/health"] = (200, "<html>")
    assert "the answer is not JSON" in health(site, ctx, json_path="a", json_equals="b").sentence


def test_an_address_inside_that_nobody_allowed_is_our_matter_and_not_the_services(site):
    from app.executors.base import Context

    reading = health(site, Context(operation="test"))
    assert (reading.outcome, reading.reason) == ("inconclusive", "config")
    assert "An administrator can allow" in reading.sentence


def test_the_stored_credential_is_sent(site):
    site.answers["/health"] = (200, "ok")
    health(site, site.context(http="t0ken"))
    health(site, site.context(http={"user": "ana", "password": "x"}))
    health(site, site.context(http={"headers": {"X-Key": "k"}}))
    sent = [headers for _, _, headers, _ in site.requests]
    assert [sent[0]["Authorization"], sent[1]["Authorization"], sent[2]["X-Key"]] == ["Bearer t0ken", "Basic YW5hOng=", "k"]


def smoke(site, ctx, *lines, **config):
    return read("smoke", {"steps": "\n".join(line.replace("@", site.url) for line in lines), **config}, ctx)


def test_a_smoke_test_carries_its_cookie_from_step_to_step(site, ctx):
    site.answers["/login"] = (303, "", {"Set-Cookie": "session=s1; Path=/; HttpOnly"})
    site.answers["/account"] = lambda request: (200, "Welcome") if "session=s1" in request.headers.get("Cookie", "") else (401, "")
    reading = smoke(site, ctx, "POST @/login 303", "GET @/account 200 Welcome")
    assert (reading.outcome, reading.sentence) == ("pass", "2 of 2 steps as expected.")


def test_the_first_step_that_is_not_as_expected_is_named_and_the_rest_not_tried(site, ctx):
    site.answers["/login"] = (500, "")
    reading = smoke(site, ctx, "POST @/login 303", "GET @/account")
    assert reading.outcome == "fail"
    assert reading.sentence == f"Step 1 of 2, POST 127.0.0.1:{site.port}/login answers 500 instead of 303."
    assert len(site.requests) == 1
    site.answers["/login"] = (200, "Maintenance")
    assert "but without “Sign in”" in smoke(site, ctx, "GET @/login 200 Sign in").sentence


def test_a_credential_and_cookies_never_go_to_another_host(site):
    site.answers["/a"] = (200, "", {"Set-Cookie": "session=s1"})
    other = site.url.replace("127.0.0.1", "localhost")
    ctx = site.context(http="t0ken")
    ctx = type(ctx)(operation="test", credentials=ctx.credentials, allowed=ctx.allowed | {("localhost", site.port)})
    smoke(site, ctx, "GET @/a", f"GET {other}/a")
    assert "Authorization" in site.requests[0][2]
    assert "Authorization" not in site.requests[1][2]
    assert "Cookie" not in site.requests[1][2]


def test_a_smoke_test_that_takes_too_long_fails_and_says_where(site, ctx):
    site.answers["/a"] = (200, "")
    site.hang("/slow")
    reading = smoke(site, ctx, "GET @/a", "GET @/slow", timeout_s="0.3")
    assert reading.outcome == "fail"
    assert reading.sentence.startswith("Step 2 of 2, GET")


def test_a_command_passes_by_its_exit_code_and_its_last_line_says_why_not(ctx):
    passing = read("smoke", {"command": [sys.executable, "-c", "print('all good')"]}, ctx)
    failing = read("smoke", {"command": [sys.executable, "-c", "import sys; print('password=hunter22 no login'); sys.exit(3)"]}, ctx)
    missing = read("smoke", {"command": ["/no/such/program"]}, ctx)
    assert passing.outcome == "pass"
    assert failing.outcome == "fail"
    assert "ended with 3" in failing.sentence
    assert "hunter22" not in failing.sentence
    assert (missing.outcome, missing.reason) == ("inconclusive", "config")


def test_a_command_that_hangs_is_ended_and_fails(ctx):
    assert read("smoke", {"command": "sleep 30", "timeout_s": 0.3}, ctx).outcome == "fail"
