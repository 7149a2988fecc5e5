"""The stores by themselves: every call, on every kind of them."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.ports import free_port

from graphwright_checkpoints import BlobsUnavailable, InvalidURL, blobs
from graphwright_checkpoints.blobs import Absent, BlobStore


@pytest.fixture
def store(anywhere: str) -> Iterator[BlobStore]:
    opened = BlobStore(anywhere)
    opened.open()
    yield opened
    opened.close()


def listed(store: BlobStore, prefix: str = "", ahead: float = 60) -> set[str]:
    before = datetime.now(UTC) + timedelta(seconds=ahead)
    return {key for batch in store.list(prefix, before) for key in batch}


def test_every_call(store: BlobStore) -> None:
    store.put("a/one", b"1")
    store.put("a/two", b"")
    store.copy("a/one", "b/three")
    assert [store.get(key) for key in ("a/one", "a/two", "b/three")] == [b"1", b"", b"1"]
    assert listed(store) == {"a/one", "a/two", "b/three"}
    assert listed(store, "a") == {"a/one", "a/two"}
    assert listed(store, ahead=-60) == set()
    store.delete(["a/gone", "a/one", "a/two", "b/three"])
    assert listed(store) == set()
    store.delete(["a/gone"])


def test_what_is_not_there(store: BlobStore) -> None:
    for call in (store.get, lambda key: store.copy(key, "b")):
        with pytest.raises(Absent) as caught:
            call("a/gone")
        assert caught.value.key == "a/gone"


def test_many_and_large(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "BATCH", 50)
    monkeypatch.setattr(blobs, "MULTIPART", 10_000_000)
    many = 1050 if store.name.startswith("s3") else 120  # S3 lists and deletes 1000 at a time
    names = [f"a/{number}" for number in range(many)]
    list(store.pool.map(store.put, names, [b"x"] * len(names)))
    assert listed(store) == {*names}
    store.delete(names)
    large = bytes(range(256)) * 60_000  # 15 MB: in parts
    store.put("large", large)
    assert store.get("large") == large
    store.delete(["large"])
    assert listed(store) == set()


def test_a_blob_is_on_the_disk_when_it_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[str, bool]] = []
    flush = blobs.flush

    def watch(place: Path) -> None:
        flush(place)
        flushed.append((str(place.relative_to(tmp_path)), (tmp_path / "blobs/a/b/c").exists()))

    monkeypatch.setattr(blobs, "flush", watch)
    store = BlobStore(f"file://{tmp_path}/blobs")
    store.open()
    store.put("a/b/c", b"1")
    assert flushed == [("blobs/a/b/c", True), ("blobs/a/b", True), ("blobs/a", True)]
    store.copy("a/b/c", "a/d/e")
    assert [place for place, _ in flushed[3:]] == ["blobs/a/d/e", "blobs/a/d", "blobs/a"]
    store.close()


def test_a_folder_is_left_as_it_was(tmp_path: Path) -> None:
    store = BlobStore(f"file://{tmp_path}/with%20space/blobs")
    store.open()
    store.put("a/b/c", b"1")
    (tmp_path / "with space/blobs/a/b/d#1").write_bytes(b"an upload that was killed")
    store.delete(["a/b/c"])
    store.delete_unfinished("a", datetime.now(UTC) - timedelta(hours=1))
    assert (tmp_path / "with space/blobs/a/b/d#1").exists()
    store.delete_unfinished("a", datetime.now(UTC) + timedelta(hours=1))
    store.close()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("blobs", "cannot be kept at"),
        ("ftp://host/folder", "cannot be kept at ftp://"),
        ("file://folder", "three slashes"),
        ("s3:///prefix", "bucket's or container's name"),
        ("s3://me:hidden@bucket", "credentials come from the environment"),
        ("s3://bucket?aws_secret_access_key=hidden", "does not belong in a URL"),
        ("az://container?sas_token=hidden", "does not belong in a URL"),
        ("file:///folder?hidden=1", "a folder has no options"),
    ],
)
def test_urls_that_are_refused(url: str, reason: str) -> None:
    with pytest.raises(InvalidURL, match=reason) as caught:
        BlobStore(url)
    assert "hidden" not in str(caught.value)


def refusal(url: str) -> str:
    store = BlobStore(url)
    try:
        with pytest.raises(BlobsUnavailable) as caught:
            store.open()
        assert caught.value.__cause__ is None or "secret" not in str(caught.value.__cause__)
        return str(caught.value)
    finally:
        store.close()


def test_an_option_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "s3://bucket/here: Configuration key: 'bogus'" in refusal("s3://bucket/here?bogus=1")


def test_stores_that_are_not_there(s3_url: str, azure_url: str) -> None:
    place, _, options = s3_url.partition("?")
    said = refusal(f"s3://elsewhere?{options}")
    assert said.startswith("s3://elsewhere: ")
    assert "NoSuchBucket" in said
    assert "ContainerNotFound" in refusal(azure_url.replace("//container", "//elsewhere"))
    started = time.monotonic()
    said = refusal(f"{place}?endpoint=http://127.0.0.1:{free_port()}&region=us-east-1")
    assert time.monotonic() - started < 30
    assert said.startswith(f"{place}: ")
    assert "secret" not in said


def test_a_wrong_key(azure_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")
    said = refusal(azure_url)
    assert "c2VjcmV0" not in said
    assert "credentials in the environment" in said


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert f"file://{tmp_path}/file/blobs: Not a directory" in refusal(
        f"file://{tmp_path}/file/blobs"
    )


def test_the_package_is_imported_when_it_is_needed(tmp_path: Path) -> None:
    code = (
        "import sys; from graphwright_checkpoints import open_checkpointer\n"
        f"with open_checkpointer('sqlite://', blobs='file://{tmp_path}/b'): pass\n"
        "assert 'obstore' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
