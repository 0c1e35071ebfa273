"""The main job of the demo with JavaScript off: every step is a form that is sent and a page that comes back."""

from tests.running import until


def test_the_shop_is_taken_back_by_forms_alone(demo, arrives):
    ana = arrives(demo, java_script_enabled=False)
    demo.signs_in(ana, "ana")
    until(lambda: demo.version == "v1.2.4", what="v1.2.4")
    ana.reloads_until("Shop: Failed log-ins")
    ana.presses("Declare incident for Shop")
    ana.fills("What fails?", "Log-ins fail for some customers")
    ana.presses("Declare incident")
    ana.lands_on(r"/incidents/\d+")

    ana.fills("Add to the timeline", "One in eight log-ins answers 500")
    ana.presses("Add", exact=True)
    ana.sees("One in eight log-ins answers 500")

    ana.presses("Roll back Shop to v1.2.3")
    ana.lands_on(r"/plans/\d+")
    ana.reloads_until("Commits taken back")
    ana.unfolds("Change it for this run")
    ana.fills("Holds for", "lots")
    with ana.forgiving("status of 422"):
        ana.presses("Roll back Shop to v1.2.3")
        ana.sees("Write a time like 5 min, 90 s or 1 h.")
    ana.fills("Holds for", "4 s")
    ana.presses("Roll back Shop to v1.2.3")
    ana.lands_on(r"/runs/\d+")
    ana.reloads_until("See whether it helped")
    assert demo.version == "v1.2.3"

    ana.presses("See whether it helped")
    ana.reloads_until("Shop has recovered", within=90)
    ana.resolves("INC-1")
    ana.sees("Resolved after")
