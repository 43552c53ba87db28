"""Python's cyclic garbage collector is disabled while a study is read, and enabled again afterwards."""

import gc

import pytest

from sweeper.evidence.data.collecting import collector_paused


def test_it_goes_on_after_a_pause_however_that_ends():
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ValueError, match="bad"), collector_paused():
        raise ValueError("bad")
    assert gc.isenabled()


def test_one_that_was_off_stays_off():
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
