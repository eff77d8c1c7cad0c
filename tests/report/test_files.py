import errno
import os
import stat
from pathlib import Path
from typing import TextIO

import pytest

from orchestrator.errors import AccountError, RecordError
from orchestrator.report.files import write_account, write_atomically
from tests.report.reports import make_report, make_row

ALL = ["json", "csv", "html"]


def hello(stream: TextIO) -> None:
    stream.write("hello\n")


class TestWriteAccount:
    def test_the_page_names_only_what_the_directory_can_do(self, tmp_path: Path) -> None:
        """Without a record there is nothing to verify; the job file is named as it was given."""
        write_account(make_report(), tmp_path, ["html"], command="run jobs/a.yaml")
        assert "orchestrator verify" not in (tmp_path / "report.html").read_text()
        (tmp_path / "run.db").touch()
        write_account(make_report([make_row("a", "rejected")]), tmp_path, ["html"], command="run jobs/a.yaml")
        page = (tmp_path / "report.html").read_text()
        assert f"orchestrator verify {tmp_path}" in page
        assert "orchestrator run jobs/a.yaml --retry" in page

    def test_writes_summary_table_and_page_in_that_order(self, tmp_path: Path) -> None:
        written = write_account(make_report(), tmp_path / "new" / "out", ALL)
        assert [path.name for path in written] == ["summary.json", "tasks.csv", "report.html"]
        assert sorted(path.name for path in (tmp_path / "new" / "out").iterdir()) == sorted(p.name for p in written)

    def test_leaves_the_page_out_when_told_so(self, tmp_path: Path) -> None:
        assert [path.name for path in write_account(make_report(), tmp_path, ALL, page=False)] == [
            "summary.json",
            "tasks.csv",
        ]

    def test_writes_only_the_formats_that_were_asked_for(self, tmp_path: Path) -> None:
        assert [path.name for path in write_account(make_report(), tmp_path, ["csv"])] == ["tasks.csv"]

    def test_writes_nothing_when_the_account_does_not_close(self, tmp_path: Path) -> None:
        broken = make_report([make_row("a")], outcomes={"stopped": 2})
        with pytest.raises(AccountError):
            write_account(broken, tmp_path / "out", ALL)
        assert not (tmp_path / "out").exists()

    def test_sweeps_what_a_killed_writer_left(self, tmp_path: Path) -> None:
        (tmp_path / ".tasks.csv.0a1b2c3d.tmp").write_text("half")
        (tmp_path / ".other.tmp").write_text("not ours")
        write_account(make_report(), tmp_path, ALL)
        assert {path.name for path in tmp_path.iterdir() if path.name.startswith(".")} == {".other.tmp"}

    def test_a_directory_that_cannot_be_made_is_told_with_a_remedy(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(RecordError, match=r"cannot write .*file/out: a part of the path is not a directory"):
            write_account(make_report(), tmp_path / "file" / "out", ALL)


class TestWriteAtomically:
    def test_replaces_a_link_and_leaves_what_it_pointed_to(self, tmp_path: Path) -> None:
        (tmp_path / "precious").write_text("precious")
        target = tmp_path / "out.txt"
        target.symlink_to(tmp_path / "precious")
        write_atomically(target, hello)
        assert not target.is_symlink()
        assert target.read_text() == "hello\n"
        assert (tmp_path / "precious").read_text() == "precious"

    def test_follows_the_umask(self, tmp_path: Path) -> None:
        before = os.umask(0o027)
        try:
            write_atomically(tmp_path / "out.txt", hello)
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "out.txt").stat().st_mode) == 0o640

    def test_a_failing_writer_leaves_the_old_file_and_nothing_else(self, tmp_path: Path) -> None:
        target = tmp_path / "out.txt"
        target.write_text("old")

        def fail(stream: TextIO) -> None:
            stream.write("half")
            raise KeyError("row")

        with pytest.raises(KeyError):
            write_atomically(target, fail)
        assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]
        assert target.read_text() == "old"

    def test_a_lone_surrogate_in_foreign_text_does_not_fail_the_file(self, tmp_path: Path) -> None:
        write_atomically(tmp_path / "out.txt", lambda stream: stream.writelines(["a\ud800b"]))
        assert (tmp_path / "out.txt").read_text() == "a\\ud800b"

    def test_a_directory_in_the_way_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "out.txt").mkdir()
        with pytest.raises(RecordError, match="a directory is in the way"):
            write_atomically(tmp_path / "out.txt", hello)
        assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]

    @pytest.mark.parametrize(
        ("number", "words"),
        [
            (errno.ENOSPC, "the disk is full"),
            (errno.EROFS, "read-only"),
            (errno.EACCES, "permission denied"),
            (errno.EIO, os.strerror(errno.EIO)),
        ],
    )
    def test_disk_trouble_is_told_with_path_and_remedy(self, tmp_path: Path, number: int, words: str) -> None:
        def fail(_: TextIO) -> None:
            raise OSError(number, os.strerror(number))

        with pytest.raises(RecordError, match=words) as caught:
            write_atomically(tmp_path / "out.txt", fail)
        assert str(tmp_path / "out.txt") in str(caught.value)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
    def test_a_directory_that_cannot_be_synced_matters_only_where_it_could(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        real = os.fsync

        def fsync(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(number, os.strerror(number))
            real(descriptor)

        monkeypatch.setattr("orchestrator.report.files.os.fsync", fsync)
        if number == errno.EINVAL:
            write_atomically(tmp_path / "out.txt", hello)
        else:
            with pytest.raises(RecordError):
                write_atomically(tmp_path / "out.txt", hello)
