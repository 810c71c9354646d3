"""Files are written whole or not at all."""
import os
import stat

import pytest
import rnncell
from rnncell.files import writable, write_whole


def test_a_text_takes_the_place_of_the_old_one_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old and longer than the new")
    write_whole(path, "new\r\n")
    assert path.read_bytes() == b"new\r\n"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_a_link_still_leads_to_what_is_written(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("file")
    for text in ("one", "two"):
        write_whole(link, text)
        assert link.is_symlink() and (tmp_path / "file").read_text() == text


def test_a_pipe_gets_a_text_as_it_is(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(path, "text")
    assert os.read(reader, 100) == b"text"
    os.close(reader)
    assert stat.S_ISFIFO(os.stat(path).st_mode) and os.listdir(tmp_path) == ["pipe"]


def test_a_text_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\ud800")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file"]
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, "text")


def test_where_nothing_can_be_written_is_known_before(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("not yet there")
    (tmp_path / "lost").symlink_to("none/file")
    for path in (tmp_path / "file", tmp_path / "new", tmp_path / "link", "name", os.devnull):
        assert writable(path) == path
    for path, said in ((tmp_path, "it is a folder"), (tmp_path / "none" / "f", "there is no folder '.*none'"),
                       (tmp_path / "file" / "f", "there is no folder"),
                       (tmp_path / "lost", "there is no folder")):
        with pytest.raises(rnncell.FileError, match=f"cannot write {str(path)!r}: {said}"):
            writable(path)
    assert sorted(os.listdir(tmp_path)) == ["file", "link", "lost"]


def test_a_folder_that_may_not_be_written_to_is_known_before(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # to a superuser nothing is forbidden
    with pytest.raises(rnncell.FileError, match="may not be written to"):
        writable(tmp_path / "new")
    assert writable(os.devnull) == os.devnull


def test_the_history_of_a_training_goes_where_it_is_told(tmp_path):
    corpus = rnncell.Corpus(train_text="the cat sat. " * 60, valid_text="the cat sat. " * 4,
                            test_text="the cat. ")
    for csv, names in ((None, ["checkpoint", "checkpoint.csv"]), (False, ["checkpoint"]),
                       (tmp_path / "history", ["checkpoint", "history"])):
        model = rnncell.LanguageModel("gru", corpus, hidden_size=4, seed=0)
        model.fit(corpus, epochs=1, batch_size=4, truncation=10, csv=csv, checkpoint=tmp_path / "checkpoint")
        assert sorted(os.listdir(tmp_path)) == names
        for name in names:
            (tmp_path / name).unlink()
