from __future__ import annotations

from pathlib import Path

import pytest

from cutty_agent.cli.files import FileRefused, new_file, plain_name


def write(path: Path, *, force: bool = False, error: BaseException | None = None) -> None:
    with new_file(path, force=force) as file:
        file.write(b"new")
        if error is not None:
            raise error


def test_it_is_there_in_the_end_for_its_owner_only(tmp_path: Path) -> None:
    write(tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"new"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_after_a_failure_nothing_is_left(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error):
        write(tmp_path / "x", error=error())
    assert list(tmp_path.iterdir()) == []


def test_another_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    with pytest.raises(FileRefused, match="--force"):
        write(tmp_path / "x")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("x", b"old")]


def test_with_force_it_is_replaced_in_the_end_only(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    with pytest.raises(RuntimeError):
        write(tmp_path / "x", force=True, error=RuntimeError())
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("x", b"old")]
    write(tmp_path / "x", force=True)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("x", b"new")]


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="No space left"):
        write(tmp_path / "x", error=OSError(28, "No space left on device"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", [".", "none/x"])
def test_a_place_where_nothing_can_be_written(tmp_path: Path, place: str) -> None:
    with pytest.raises(FileRefused):
        write(tmp_path / place, force=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [("user:anna", "user-anna"), ("a/b c", "a-b-c"), ("..", "export"), ("x" * 200, "x" * 100), ("ü", "-")],
)
def test_a_name_for_every_file_system(text: str, name: str) -> None:
    assert plain_name(text) == name
