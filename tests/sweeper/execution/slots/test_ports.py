"""The port of each slot, at which the processes of a trial meet."""

import socket
from contextlib import closing

from sweeper.execution.slots.ports import MeetingPort


def test_two_slots_have_different_ports_and_keep_them() -> None:
    one, two = MeetingPort(), MeetingPort()
    with closing(one), closing(two):
        ports = [slot.environment({})["MASTER_PORT"] for slot in (one, two, one, two)]
    assert ports[:2] == ports[2:]
    assert ports[0] != ports[1]


def test_a_port_that_another_program_has_taken_is_replaced() -> None:
    slot = MeetingPort()
    with closing(slot), socket.socket() as other:
        taken = int(slot.environment({})["MASTER_PORT"])
        other.bind(("", taken))
        other.listen()
        found = slot.environment({})
    assert int(found["MASTER_PORT"]) != taken
    assert found["MASTER_ADDR"] == "127.0.0.1"
    assert found["PET_RDZV_ENDPOINT"] == f"127.0.0.1:{found['MASTER_PORT']}"


def test_the_port_itself_is_free_for_the_trial() -> None:
    slot = MeetingPort()
    with closing(slot), socket.socket() as trial:
        trial.bind(("", int(slot.environment({})["MASTER_PORT"])))


def test_trials_on_several_nodes_meet_at_the_first() -> None:
    slot = MeetingPort()
    with closing(slot):
        found = slot.environment({"MASTER_ADDR": "node1"})
    assert (found["MASTER_ADDR"], found["PET_RDZV_ENDPOINT"]) == ("node1", f"node1:{found['MASTER_PORT']}")
