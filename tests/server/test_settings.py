from datetime import timedelta
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


def test_checkpoints_are_with_the_record_unless_told_otherwise() -> None:
    settings = Settings(data_dir=Path("/data"), database="postgresql://h/d")
    assert settings.checkpoints_url == "postgresql://h/d"
    assert Settings(checkpoints="sqlite:///c.db").checkpoints_url == "sqlite:///c.db"


def test_large_values_are_kept_beside_the_checkpoints(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "a b")
    assert settings.blobs_url == f"file://{tmp_path}/a%20b/blobs"
    assert Settings(blobs="s3://bucket").blobs_url == "s3://bucket"
    assert Settings(blobs="none").blobs_url is None


@pytest.mark.parametrize(
    "url", ["memory://", "sqlite://", "sqlite:///:memory:", "postgresql://h/d"]
)
def test_no_folder_where_it_would_not_do(url: str) -> None:
    assert Settings(checkpoints=url).blobs_url is None


@pytest.mark.parametrize("wrong", [{"port": 70000}, {"slots": 0}, {"colour": "red"}])
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("90d", timedelta(days=90)),
        ("12 h", timedelta(hours=12)),
        ("2w", timedelta(14)),
        ("off", None),
    ],
)
def test_spans_of_time(monkeypatch: pytest.MonkeyPatch, said: str, meant: object) -> None:
    monkeypatch.setenv("GRAPHWRIGHT_RETENTION_AGE", said)
    assert Settings().retention_age == meant


@pytest.mark.parametrize("said", ["90", "d", "0d", "-1d", "1y", "", "none"])
def test_what_is_no_span_of_time(said: str) -> None:
    with pytest.raises(ValidationError, match="such as 90d"):
        Settings.model_validate({"retention_age": said})


def test_history_may_be_kept_for_ever() -> None:
    settings = Settings.model_validate({"retention_age": "off", "retention_keep": "off"})
    assert (settings.retention_age, settings.retention_keep) == (None, None)
    with pytest.raises(ValidationError):
        Settings.model_validate({"retention_every": "off"})


def test_settings_are_fixed() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]
