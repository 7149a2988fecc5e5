from pathlib import Path

import pytest
from pydantic import ValidationError

from graphwright.settings import Settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"GRAPHWRIGHT_{name.upper()}", raising=False)


def test_an_argument_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHWRIGHT_PORT", "9000")
    monkeypatch.setenv("GRAPHWRIGHT_MODEL", "openai:x")
    settings = Settings(port=9001)
    assert (settings.port, settings.model) == (9001, "openai:x")


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHWRIGHT_ALLOW_ORIGINS", "http://a, http://b,")
    assert Settings().allow_origins == ("http://a", "http://b")


def test_databases_are_kept_in_the_data_folder() -> None:
    settings = Settings(data_dir=Path("/data"))
    assert settings.database_url == "sqlite:////data/graphwright.db"
    assert settings.checkpoints_url == "sqlite:////data/checkpoints.db"


def test_checkpoints_follow_a_database_that_is_a_server() -> None:
    assert Settings(database="postgresql://h/d").checkpoints_url == "postgresql://h/d"
    assert Settings(checkpoints="sqlite:///c.db").checkpoints_url == "sqlite:///c.db"


@pytest.mark.parametrize("wrong", [{"port": 70000}, {"slots": 0}, {"colour": "red"}])
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_settings_are_fixed() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]
