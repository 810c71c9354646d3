"""Runs whose memory and threads are used again: nothing of one may show in another."""
import gc
import os
import threading

import numpy as np
import pytest
import rnncell

SEED = 3


def network(cell="lstm", size=24):
    return rnncell.Network(cell, size, size, 2, seed=SEED)


def sequence(steps, batch, size=24, seed=SEED):
    return np.random.default_rng(seed).standard_normal((steps, batch, size)).astype(np.float32)


def trained(net, x, lengths=None, threads=None):
    """Copies of outputs and gradients."""
    y, tape = net.forward(x, lengths=lengths, threads=threads)
    gradients = tape.backward(x, threads=threads)
    return [np.array(y), *(np.array(value) for value in gradients.values())]


def same(a, b):
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b))


def test_two_tapes_of_one_network_are_two():
    first, second = sequence(7, 5), sequence(7, 5, seed=4)
    expected = [trained(network(), x) for x in (first, second)]
    for order in ((0, 1), (1, 0)):
        net = network()
        runs = [net.forward(x) for x in (first, second)]
        for index in order:
            y, tape = runs[index]
            found = [np.array(y), *map(np.array, tape.backward((first, second)[index]).values())]
            assert same(found, expected[index])


def test_tapes_may_go_in_any_order():
    x = sequence(7, 5)
    expected = trained(network(), x)
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        net = network()
        tapes = [net.forward(x)[1] for _ in range(3)]
        for index in order:
            tapes[index] = None
            gc.collect()
            assert same(trained(net, x), expected)


def test_weights_that_changed_between_runs_count():
    net, x = network(), sequence(6, 4)
    trained(net, x)
    weights = {name: np.asarray(value) * 0.5 for name, value in net.parameters().items()}
    net.load_parameters(weights)
    fresh = network()
    fresh.load_parameters(weights)
    assert same(trained(net, x), trained(fresh, x))


def test_shapes_lengths_and_states_may_change_from_run_to_run():
    net = network()
    shapes = [(7, 5), (3, 5), (7, 2), (7, 5), (1, 1), (40, 9), (7, 5)]
    for steps, batch in shapes:
        x = sequence(steps, batch)
        assert same(trained(net, x), trained(network(), x))
    x = sequence(7, 5)
    lengths = [7, 0, 3, 1, 7]
    assert same(trained(net, x, lengths=lengths), trained(network(), x, lengths=lengths))
    assert same(trained(net, x), trained(network(), x))


def test_a_tape_outlives_its_network():
    x = sequence(7, 5)
    expected = trained(network(), x)
    net = network()
    y, tape = net.forward(x)
    del net
    gc.collect()
    assert same([np.array(y), *map(np.array, tape.backward(x).values())], expected)


def test_outputs_are_not_written_by_later_runs():
    net, x = network(size=64), sequence(40, 20, 64)
    y, tape = net.forward(x)
    kept = np.array(y)
    gradient = tape.backward(x)["x"]
    kept_gradient = np.array(gradient)
    for seed in range(3):
        trained(net, sequence(40, 20, 64, seed=seed))
    assert np.array_equal(y, kept) and np.array_equal(gradient, kept_gradient)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_many_threads_of_the_host_on_one_network(threads):
    net, inputs = network(size=48), [sequence(30, 8, 48, seed=seed) for seed in range(4)]
    expected = [trained(network(size=48), x, threads=1) for x in inputs]
    wrong = []

    def work(index):
        for _ in range(5):
            if not same(trained(net, inputs[index], threads=threads), expected[index]):
                wrong.append(index)

    workers = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_bits_are_equal_for_any_number_of_threads():
    net, x = network(size=72), sequence(31, 11, 72)
    expected = trained(net, x, threads=1)
    for threads in (2, 3, 8):
        assert same(trained(net, x, threads=threads), expected)


@pytest.mark.parametrize("cell", ["lstm", "h' = tanh(layernorm(linear(x, h)) + 0.5 * layernorm(h))"])
@pytest.mark.parametrize("lengths", [[9], [7, 2], [0, 9]])
def test_bits_are_equal_with_fewer_sequences_than_threads(cell, lengths):
    size = 160 if cell == "lstm" else 330  # Weights enough to be shared.
    net = rnncell.Network(cell, size, size, 2, seed=SEED)
    x = sequence(9, len(lengths), size)
    expected = trained(net, x, threads=1, lengths=lengths)
    for threads in (2, 3, 8):
        assert same(trained(net, x, threads=threads, lengths=lengths), expected)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_has_threads_of_its_own():
    net, x = network(size=72), sequence(31, 11, 72)
    expected = trained(net, x, threads=2)
    child = os.fork()
    if child == 0:
        os._exit(0 if same(trained(net, x, threads=2), expected) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert same(trained(net, x, threads=2), expected)
