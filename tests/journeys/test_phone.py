"""The commander's main job with one thumb, at night."""

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": "dark", "device_scale_factor": 2}
LEAST = 24  # px, WCAG 2.2 2.5.8
TOO_SMALL = """() => [...document.querySelectorAll("a, button, summary, input, select, textarea")]
  .filter((one) => one.checkVisibility() && getComputedStyle(one).display !== "inline" && !one.closest(".lg-skip, label"))
  .map((one) => [one.getBoundingClientRect(), one])
  .filter(([box]) => box.width && (box.width < LEAST || box.height < LEAST))
  .map(([box, one]) => `${Math.round(box.width)}x${Math.round(box.height)} ${one.outerHTML.slice(0, 120)}`)""".replace("LEAST", str(LEAST))


def test_the_commander_takes_the_shop_back_with_one_thumb(demo, arrives):
    ana = arrives(demo, **PHONE)
    demo.signs_in(ana, "ana")
    ana.sees("Shop: Failed log-ins", within=60)
    thumb_presses(ana, "Declare incident")
    ana.fills("What fails?", "Log-ins fail for some customers")
    everything_fits(ana)
    ana.presses("Declare incident")
    ana.lands_on(r"/incidents/\d+")
    thumb_presses(ana, "Roll back Shop to v1.2.3")
    ana.lands_on(r"/plans/\d+")
    ana.sees("Commits taken back")
    ana.unfolds("Change it for this run")
    ana.fills("Holds for", "4 s")
    thumb_presses(ana, "Roll back Shop to v1.2.3")
    ana.lands_on(r"/runs/\d+")
    ana.is_offered("See whether it helped", within=60)
    thumb_presses(ana, "See whether it helped")
    ana.sees("Shop has recovered", within=90)
    thumb_presses(ana, "Resolve INC-1")
    ana.overrules("INC-1", "It works again, and the checks prove it")
    ana.sees("Resolved after")
    everything_fits(ana)


def thumb_presses(ana, name):
    """The one primary action stands in the bottom bar, within reach, and nowhere else."""
    everything_fits(ana)
    primary = ana.page.locator(".btn-primary").filter(visible=True)
    assert [button.inner_text().strip() for button in primary.all()] == [name]
    box = primary.bounding_box()
    assert box["y"] + box["height"] > 844 - 80
    assert box["height"] >= 44
    primary.tap()


def everything_fits(ana):
    """Dark, not wider than the screen, and nothing too small for a finger."""
    ana.page.wait_for_load_state()
    assert ana.page.evaluate("document.documentElement.scrollWidth") <= 390, ana.at
    assert ana.page.evaluate(TOO_SMALL) == [], ana.at
    assert ana.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    brightness = ana.page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
    assert max(brightness) < 80, brightness
