def test_a_page_needs_a_sign_in_and_comes_back_to_itself(client):
    answer = client.get("/live?x=1")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/live%3Fx%3D1"


def test_the_sign_in_page_is_drawn(client):
    answer = client.get("/sign-in")
    assert answer.status_code == 200
    assert "Sign in" in answer.text


def test_an_address_that_is_not_there_is_said_so(client):
    answer = client.get("/nothing")
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.text
