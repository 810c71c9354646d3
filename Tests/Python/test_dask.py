"""A study on a real Dask cluster of several processes on loopback, one of which is killed."""
import collections
import os
import signal
import sqlite3

import distributed
import pytest
import rnncell


@pytest.fixture(scope="module")
def client():
    with distributed.LocalCluster(
            n_workers=3, threads_per_worker=1, processes=True, host="127.0.0.1",
            dashboard_address=None) as cluster, distributed.Client(cluster) as client:
        yield client


def test_a_worker_that_is_killed_loses_no_proposal_and_none_is_told_twice(client, tmp_path):
    log, killed = str(tmp_path / "log"), str(tmp_path / "killed")

    # Nested, so that it goes to the workers as code and not as the name of this module.
    def objective(proposal):
        import os
        import signal

        def note(word):
            file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(file, f"{proposal.id} {word} {os.getpid()}\n".encode())
            os.close(file)

        note("begins")
        if proposal.id >= 7:
            try:
                file = os.open(killed, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            except FileExistsError:
                pass  # one is enough
            else:
                os.write(file, f"{proposal.id} {os.getpid()}".encode())
                os.kill(os.getpid(), signal.SIGKILL)
        loss = len(proposal.equations) / 10 + proposal.id / 1e6
        note("ends")
        return rnncell.Score(loss, tokens=10)

    path = tmp_path / "study.db"
    with rnncell.Study(path, strategy="evolution", trials=40, seed=1) as study:
        study.run(objective=objective, executor=client.get_executor())
        assert study.info.scored_count == 40 and study.info.failed_count == 0
        assert study.info.pending_count == 0 and study.info.tokens == 400
        scored = sorted(row.id for row in study.leaderboard())
        assert all(row.valid_loss == pytest.approx(len(row.equations) / 10 + row.id / 1e6)
                   for row in study.leaderboard())
    with open(log, encoding="utf-8") as file:
        notes = [line.split() for line in file]
    begun = collections.Counter(int(id) for id, word, _ in notes if word == "begins")
    ended = collections.Counter(int(id) for id, word, _ in notes if word == "ends")
    with open(killed, encoding="utf-8") as file:
        victim, dead = file.read().split()
    assert begun[int(victim)] == 2
    assert sorted(ended) == scored
    # What the killed worker had finished and not yet handed over was done again, nothing else.
    assert all(any(int(at) == id and process == dead for at, _, process in notes)
               for id, count in ended.items() if count > 1)
    assert len({process for *_, process in notes}) >= 2
    with sqlite3.connect(path) as database:
        told = database.execute("SELECT proposal FROM asks WHERE state = 1").fetchall()
    assert sorted(id for id, in told) == scored


def test_cells_are_trained_by_a_cluster_and_a_worker_killed_from_outside_does_no_harm(
        client, corpus):
    study = rnncell.Study(None, corpus, strategy="random", trials=8, hidden_size=8, batch_size=8,
                          truncation=10, updates=18, rungs=2)
    processes = list(client.run(os.getpid).values())

    def hear(info, proposal):
        if processes:
            os.kill(processes.pop(), signal.SIGKILL)
            processes.clear()

    study.run(hear, executor=client.get_executor())
    info = study.info
    assert info.scored_count + info.failed_count == 8 and info.pending_count == 0
    assert study.best.valid_loss < 5
