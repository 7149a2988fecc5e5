"""What the commands print of databases' URLs."""

import pytest

from graphwright.operate.locations import shown


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:////data/a file, é%.db", "sqlite:////data/a file, é%.db"),
        ("sqlite:///x.db?synchronous=full", "sqlite:///x.db?synchronous=full"),
        ("postgresql://me:secret@host/app", "postgresql://me:***@host/app"),
        ("redis://:secret@host/0", "redis://:***@host/0"),
        ("mongodb+srv://me:secret@host/app", "mongodb+srv://me:***@host/app"),
        ("memory://", "memory://"),
        ("me:secret@host", "…"),
        ("nonsense://me:secret@host:port/", "nonsense://…"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, said: str) -> None:
    assert shown(url) == said


@pytest.mark.parametrize("option", ["password", "sslpassword"])
def test_a_password_may_be_an_option(option: str) -> None:
    said = shown(f"postgresql://me@host/app?sslmode=require&{option}=secret")
    assert said == "postgresql://me@host/app?sslmode=require"
