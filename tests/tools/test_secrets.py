import base64
import json
import pickle
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.tools import ToolException

from graphwright_tools.errors import NotConfigured
from graphwright_tools.secrets import Redaction, Secret

VALUE = 'p&ss/"word" +42'
NAMED = "[env:TEST_SECRET]"
SECRET = Secret("env:TEST_SECRET")


@pytest.fixture(autouse=True)
def value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", VALUE)


def test_a_secret_is_read_at_the_moment_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SECRET.reveal() == VALUE

    monkeypatch.setenv("TEST_SECRET", "another\n")

    assert SECRET.reveal() == "another"


def test_a_secret_holds_its_name_only() -> None:
    for shown in (repr(SECRET), str(SECRET), pickle.dumps(SECRET).decode("latin-1")):
        assert "env:TEST_SECRET" in shown
        assert VALUE not in shown


@pytest.mark.parametrize("empty", [None, "", " \n"])
def test_says_which_variable_is_missing(empty: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_SECRET")
    if empty is not None:
        monkeypatch.setenv("TEST_SECRET", empty)

    assert not SECRET.is_set
    with pytest.raises(NotConfigured, match="variable TEST_SECRET is not set") as caught:
        SECRET.reveal()
    assert isinstance(caught.value, ToolException)


@pytest.mark.parametrize("wrong", ["sk-123", "env:", "env:A B", "file:/etc/key", "env:A\n"])
def test_refuses_what_may_be_the_secret_itself_without_repeating_it(wrong: str) -> None:
    with pytest.raises(ValueError, match="named as env:NAME") as caught:
        Secret(wrong)
    assert wrong == "env:" or wrong not in str(caught.value)


@pytest.mark.parametrize(
    "echoed",
    [
        VALUE,
        json.dumps(VALUE)[1:-1],
        quote_plus(VALUE),
        "p%26ss/%22word%22%20%2B42",
        "p&amp;ss/&quot;word&quot; +42",
        base64.b64encode(VALUE.encode()).decode(),
    ],
)
def test_is_taken_out_in_every_form_of_an_echo(echoed: str) -> None:
    assert Redaction([SECRET]).apply(f"<{echoed}>") == f"<{NAMED}>"


def test_takes_out_the_half_of_a_secret_at_a_cut() -> None:
    redaction = Redaction([SECRET])

    assert redaction.apply(f"key: {VALUE[:5]}", is_cut=True) == "key: "
    assert redaction.apply(f"key: {VALUE}", is_cut=True) == f"key: {NAMED}"
    assert redaction.apply("no secrets", is_cut=True) == "no secrets"


def test_what_is_not_set_takes_out_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_SECRET")

    assert Redaction([SECRET]).apply("as it is") == "as it is"
    assert Redaction([]).apply("as it is") == "as it is"


@given(before=st.text(), after=st.text())
def test_no_text_around_a_secret_saves_it(before: str, after: str) -> None:
    assert VALUE not in Redaction([SECRET]).apply(before + VALUE + after)
