"""Arrays in: buffers of any kind. Arrays out: read by NumPy and others without a copy."""
import array
import copy
import itertools
import pickle

import numpy as np
import pytest
import rnncell

VALUES = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 8


@pytest.mark.parametrize("given", [
    VALUES, VALUES.tolist(), memoryview(VALUES), VALUES.astype(np.float64), np.asfortranarray(VALUES),
    np.repeat(VALUES, 2, axis=1)[:, ::2], VALUES[::-1].copy()[::-1],
    rnncell.array(VALUES),
], ids=["float32", "lists", "memoryview", "float64", "fortran", "strided", "reversed", "own"])
def test_arrays_of_any_kind_are_read(given):
    taken = rnncell.array(given)
    assert taken.shape == (2, 3, 4) and taken.dtype == "float32" and taken.ndim == 3
    assert np.array_equal(np.asarray(taken), VALUES)


@pytest.mark.parametrize("code", "bBhHiIlLqQfd")
def test_every_type_of_number_is_read(code):
    taken = rnncell.array(array.array(code, [0, 1, 2, 100]))
    assert taken.tolist() == [0, 1, 2, 100]


@pytest.mark.parametrize("given, error", [
    ("text", TypeError), (None, TypeError), (3, TypeError), ({1: 2}, TypeError),
    ([[1, 2], [3]], ValueError), ([1, "a"], TypeError), ([[1], 2], TypeError),
    (np.array(["a"]), TypeError), (np.zeros(3, np.complex64), TypeError),
    (np.zeros((1,) * 9, np.float32), ValueError), (np.zeros(2, ">f4"), TypeError),
])
def test_what_is_no_array_is_refused(given, error):
    with pytest.raises(error):
        rnncell.array(given)


def test_a_list_that_holds_itself_ends():
    endless = []
    endless.append(endless)
    with pytest.raises(ValueError, match="deep"):
        rnncell.array(endless)


def test_numpy_reads_an_array_without_a_copy():
    taken = rnncell.array(VALUES)
    seen = np.asarray(taken)
    seen[0, 0, 0] = 99
    assert taken[0][0][0] == 99
    assert np.from_dlpack(taken)[0, 0, 0] == 99
    assert memoryview(taken).shape == (2, 3, 4) and memoryview(taken).format == "f"


def test_an_array_is_indexed_and_iterated():
    taken = rnncell.array(VALUES)
    assert len(taken) == 2 and taken.size == 24
    assert taken[1].tolist() == VALUES[1].tolist()
    assert taken[-1, 2, 3] == VALUES[-1, 2, 3]
    assert taken[0:1].shape == (1, 3, 4) and taken[5:].shape == (0, 3, 4)
    assert [part.shape for part in taken] == [(3, 4), (3, 4)]
    with pytest.raises(IndexError):
        taken[2]
    with pytest.raises(IndexError, match="step"):
        taken[::2]


INDICES = [0, 1, -1, 7, slice(None), slice(0, 1), slice(1, 3), slice(1, None), slice(5, 9), slice(-2, None),
           slice(None, None, 2)]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_an_index_gives_what_numpy_gives_or_an_index_error(count):
    taken = rnncell.array(VALUES)
    for key in itertools.product(INDICES, repeat=count):
        try:
            found = taken[key]
        except IndexError:
            continue
        assert np.shape(found) == VALUES[key].shape and np.array_equal(found, VALUES[key]), key


def test_indices_that_leave_a_dense_part_are_taken():
    taken = rnncell.array(VALUES)
    for key in [(1, 2), (1, 2, 3), (1, slice(1, 3)), (1, slice(1, 3), slice(None)), (-1, 0, slice(1, None)),
                (slice(None), slice(None), slice(None)), (slice(1, 2), slice(0, 3)), ()]:
        assert np.array_equal(taken[key], VALUES[key]), key
    for key in [(slice(None), 1), (slice(0, 2), slice(0, 1)), (0, slice(None), 1), (slice(None), ...), ...,
                (0, ...)]:
        with pytest.raises(IndexError, match="numpy.asarray"):
            taken[key]
    with pytest.raises(IndexError, match="4 indices are too many for an array of 3 dimensions"):
        taken[0, 0, 0, 0]


def test_an_array_can_be_copied_and_pickled():
    taken = rnncell.array(VALUES)
    for other in (copy.deepcopy(taken), pickle.loads(pickle.dumps(taken))):
        assert other.tolist() == taken.tolist() and other.shape == taken.shape
    ids = rnncell.Corpus(text="ab" * 100).train
    assert pickle.loads(pickle.dumps(ids)).tolist() == ids.tolist()
    assert pickle.loads(pickle.dumps(ids)).dtype == "int32"


def test_views_keep_their_memory_alive():
    part = rnncell.array(VALUES)[1]
    junk = [rnncell.array(VALUES * 0) for _ in range(50)]
    assert part.tolist() == VALUES[1].tolist() and len(junk) == 50


def test_snapshots_cannot_be_written():
    weights = rnncell.Network("elman", 2, 3).parameters()
    seen = np.asarray(next(iter(weights.values())))
    with pytest.raises(ValueError):
        seen[...] = 0
    assert np.array(next(iter(weights.values()))).flags.writeable


def test_dlpack_goes_in():
    class Tensor:
        """Only what DLPack asks for."""

        def __dlpack__(self, **options):
            return VALUES[:, ::2].__dlpack__(**options)

        def __dlpack_device__(self):
            return 1, 0

    assert np.array_equal(np.asarray(rnncell.array(Tensor())), VALUES[:, ::2])
    capsule = rnncell.array(VALUES).__dlpack__()
    del capsule
