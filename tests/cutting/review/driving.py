"""What a person does on the page, for tests in a browser."""


def choose(page, name):
    page.evaluate("name => show(view.shown.findIndex((record) => record.name === name))", name)
    assert page.text_content("#name") == name


def drag(page, *points):
    """Drag over the stage; points are shares of its width and height."""
    box = page.locator("#sheet").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


def until(page, condition):
    """Wait for a condition of the page's script; its policy forbids what playwright would wait with."""
    for _ in range(400):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"never came true: {condition}")


def wait_until_solved(page):
    until(page, "document.getElementById('busy').hidden && unsaved.size === 0")
