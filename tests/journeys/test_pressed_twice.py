"""One run, however often and by however many people it is confirmed."""

from tests.journeys.trouble import preview


def test_two_people_who_confirm_at_once_start_one_run(trouble, arrives):
    ana, ben = arrives(trouble), arrives(trouble)
    trouble.signs_in(ana, "ana")
    trouble.signs_in(ben, "ben")
    plan = preview(ana)
    with ben.page.expect_response("**/live"):
        ben.opens(plan)
    before = trouble.commits()
    for person in (ana, ben):
        person.is_offered("Roll back Shop to v1.2.3")
    ana.page.evaluate(SEND)
    ben.page.evaluate(SEND)
    assert ana.lands_on(r"/runs/\d+") == ben.lands_on(r"/runs/\d+")
    both = [person.page.locator("#flash").inner_text() for person in (ana, ben)]
    assert sum(bool(text.strip()) for text in both) == 1, both
    ben.sees("The rollback is done.", within=60)
    assert len(trouble.commits()) == len(before) + 1


def test_the_same_form_sent_twice_starts_one_run(trouble, arrives):
    ana = arrives(trouble)
    trouble.signs_in(ana, "ana")
    preview(ana)
    answers = ana.page.evaluate(SEND_TWICE)
    assert answers[0] == answers[1]
    assert "/runs/" in answers[0]
    ana.opens("/runs")
    assert ana.page.locator("main tbody tr").count() == 1


SEND = "document.querySelector('form[action$=\"/run\"]').submit()"
SEND_TWICE = """async () => {
  const form = document.querySelector('form[action$="/run"]');
  const send = () => fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  const answers = await Promise.all([send(), send()]);
  return answers.map((answer) => answer.url);
}"""
