"""Threads, forks and interruptions."""
import contextlib
import multiprocessing
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import rnncell


def in_threads(*functions):
    """The results of functions, each on a thread of its own; an exception comes out."""
    results, errors = [None] * len(functions), []

    def run(place, function):
        try:
            results[place] = function()
        except BaseException as error:  # noqa: B036
            errors.append(error)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def test_two_threads_run_one_network():
    net = rnncell.Network("lstm", 6, 8, seed=1)
    x = np.random.default_rng(0).standard_normal((50, 4, 6)).astype(np.float32)
    alone = np.asarray(net(x)[0])

    def run():
        return [np.array_equal(net(x, threads=1)[0], alone) for _ in range(30)]

    assert all(all(same) for same in in_threads(run, run, run))


def test_two_threads_train_two_models(corpus):
    def train():
        model = rnncell.LanguageModel("gru", corpus.vocabulary, hidden_size=8, seed=3)
        model.fit(corpus, updates=20, batch_size=8, truncation=10, threads=1)
        return model.evaluate(corpus.valid)

    first, second = in_threads(train, train)
    assert first == second == train()


def test_one_model_is_for_one_thread_at_a_time(corpus):
    model = rnncell.LanguageModel("gru", corpus.vocabulary, hidden_size=8)
    started, finish = threading.Event(), threading.Event()

    def hear(progress):
        started.set()
        return finish.wait(60)

    def meddle():
        assert started.wait(60)
        try:
            with pytest.raises(rnncell.BusyError, match="another call"):
                model.evaluate(corpus.valid)
            with pytest.raises(rnncell.BusyError):
                model.fit(corpus, updates=1)
        finally:
            finish.set()

    in_threads(lambda: model.fit(corpus, updates=50, batch_size=8, report_every=1, progress=hear), meddle)
    assert model.evaluate(corpus.valid) > 0


def test_weights_cannot_change_under_a_stream_that_steps():
    net = rnncell.Network("gru", 64, 256)
    stream, x = net.stream(64), np.zeros((64, 64), np.float32)
    weights = net.parameters()

    def step():
        for _ in range(100):
            stream.step(x)

    def write():
        for _ in range(100):
            with contextlib.suppress(rnncell.BusyError):
                net.load_parameters(weights)

    in_threads(step, write)
    alone = net.stream(64)
    for _ in range(100):
        alone.step(x)
    assert stream.state.array.tolist() == alone.state.array.tolist()


def _forked(queue):
    net = rnncell.Network("gru", 4, 5, seed=2)
    queue.put(np.asarray(net(np.ones((6, 8, 4), np.float32), threads=2)[0]).tolist())


def test_a_forked_child_runs_with_threads():
    net = rnncell.Network("gru", 4, 5, seed=2)
    here = np.asarray(net(np.ones((6, 8, 4), np.float32), threads=2)[0]).tolist()
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_forked, args=(queue,))
    child.start()
    assert queue.get() == here
    child.join(60)
    assert child.exitcode == 0


PROGRAM = """
import os, signal, sys
import rnncell
corpus = rnncell.Corpus(text="the cat sat on the mat\\n" * 400)
sent = []
def interrupt(*told):
    if not sent:
        sent.append(1)
        os.kill(os.getpid(), signal.SIGINT)
try:
    WHAT
except KeyboardInterrupt as error:
    print("kept", CHECK)
"""


@pytest.mark.parametrize("what, check", [
    ("model = rnncell.LanguageModel('gru', corpus, hidden_size=8); "
     "model.fit(corpus, epochs=10**6, progress=interrupt, report_every=1)",
     "model.evaluate(corpus.valid) > 0"),
    ("rnncell.search(corpus, trials=10**6, hidden_size=8, db='s.db', progress=interrupt)",
     "error.study.info.proposal_count > 0"),
])
def test_ctrl_c_ends_a_long_call_and_keeps_what_was_done(what, check, tmp_path):
    program = PROGRAM.replace("WHAT", what).replace("CHECK", check)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, timeout=60, text=True,
                          capture_output=True)
    assert done.stdout == "kept True\n", done.stderr


def test_handlers_of_signals_are_left_alone(corpus):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    rnncell.LanguageModel("elman", corpus, hidden_size=4).fit(corpus, updates=2)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_reader_sees_one_state_of_a_study_that_is_written(tmp_path):
    path, ended = tmp_path / "s.db", threading.Event()
    rnncell.Study(path, strategy="random").close()

    def write():
        try:
            with rnncell.Study(path, strategy="random") as study:
                for _ in range(300):
                    study.tell(study.ask().id, 1.0)
        finally:
            ended.set()

    def read():
        counts = [0]
        while not ended.is_set():
            with rnncell.Study(path, read_only=True) as study:
                counts.append(study.info.scored_count)
        return counts

    counts = in_threads(write, read)[1]
    assert counts == sorted(counts)
