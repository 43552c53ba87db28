"""The guard's program, run as a plain file without site packages: it is small and starts in milliseconds.

It reads lines from standard input, of which `Guard` sends each as soon as it knows it::

    watch GROUP SECONDS          kill this process group if no line arrives for that long, or the slot dies
    beat SECONDS                 the slot is alive; the next line arrives within that time
    limit SECONDS GRACE          ask the group to stop after that time, whatever the slot does; kill it after the grace
    note PATH                    where to write when the group has ended, in hexadecimal; beside it, `ALIVE_FILE` gets
                                 the time each second while the group is alive. If the guard itself was stopped then,
                                 the note also says until when it had seen the group alive.
    mark TEXT                    processes with this in their environment are to be killed, too; in hexadecimal
    drop                         the group has ended
    slot PID TICKS SECONDS       kill this process if it is still silent that long after its group was killed
    launcher PID TICKS SECONDS   kill the slot if it still runs that long after this process has ended

Times are in seconds from the arrival of the line; ticks are the start of a process as in /proc/PID/stat.
"""

import _thread
import contextlib
import os
import select
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

BOOT_FILE = "/proc/sys/kernel/random/boot_id"
NEVER = float("inf")
ALIVE_FILE = ".alive"  # of a run directory: when its trial was last seen alive, for when its guard dies with it
ALIVE_S = 1.0  # between two signs of life
ALIVE_BYTES = 160  # all notes in the file are as long, so that each covers the one before
LATE_S = 0.5  # after a trial's end, without its slot having noticed
BLIND_S = ALIVE_S + LATE_S  # without a look at the group, after which the guard must have been stopped


class Watch:
    """What the guard knows, and when it has to act."""

    def __init__(self) -> None:
        self.group: int | None = None
        self.leader: int | None = None  # its pidfd
        self.note: str | None = None
        self.mark: bytes | None = None
        self.slot: int | None = None  # its pidfd
        self.launcher: int | None = None  # its pidfd
        self.stuck_s = 0.0
        self.orphan_s = 0.0
        self.silent_at = NEVER
        self.stop_at = NEVER
        self.grace_s = 0.0
        self.kill_at = NEVER
        self.looked_at = NEVER  # when the leader was last seen alive, since boot; never yet
        self.left_at: float | None = None  # when the leader ended, since boot
        self.left_after: float | None = None  # when it was last seen alive, if it may have ended long before
        self.note_at = NEVER
        self.stuck_at = NEVER
        self.orphaned_at = NEVER

    def actions(self) -> "list[tuple[float, Callable[[], None]]]":
        """Return what to do, and when on the monotonic clock."""
        return [
            (self.silent_at, self.end_silent),
            (self.stop_at, self.ask_to_stop),
            (self.kill_at, lambda: self.end_group("its time limit is over")),
            (self.note_at, self.note_end),
            (self.stuck_at, self.kill_slot),
            (self.orphaned_at, self.kill_slot),
        ]

    def obey(self, line: bytes) -> None:
        """Take a line of the slot's, which also shows that it is alive."""
        self.stuck_at = NEVER
        word, *words = line.split()
        now = time.monotonic()
        if word == b"drop":
            self.forget()
        elif word == b"watch":
            self.watch(int(words[0]))
            self.silent_at = now + float(words[1])
        elif word == b"beat":
            self.silent_at = now + float(words[0])
        elif word == b"limit":
            self.stop_at, self.grace_s = now + float(words[0]), float(words[1])
        elif word == b"note":
            self.note = bytes.fromhex(words[0].decode()).decode(errors="surrogateescape")
        elif word == b"mark":
            self.mark = bytes.fromhex(words[0].decode())
        elif word == b"slot":
            self.slot, self.stuck_s = process(int(words[0]), int(words[1])), float(words[2])
        elif word == b"launcher":
            self.launcher, self.orphan_s = process(int(words[0]), int(words[1])), float(words[2])
            if self.launcher is None:
                self.orphaned_at = now + self.orphan_s

    def watch(self, group: int) -> None:
        """Watch a group; its leader may announce itself first, and then its slot."""
        if group == self.group:
            return
        self.forget()
        self.group = group
        self.leader = process(group, None)

    def forget(self) -> None:
        """Watch no group."""
        if self.leader is not None:
            os.close(self.leader)
        self.group = self.leader = self.note = self.mark = self.left_at = self.left_after = None
        self.silent_at = self.stop_at = self.kill_at = self.note_at = self.looked_at = NEVER

    def look(self) -> None:
        """Remember that the leader was alive just now, if it still is: this process may be stopped at any point."""
        now = since_boot()
        if self.leader is not None and is_alive(self.leader):
            self.looked_at = now

    def end_silent(self) -> None:
        """End the group of a slot that is silent, and soon the slot, which is stuck."""
        if self.group is not None:
            self.end_group("its slot was stuck")
            self.stuck_at = time.monotonic() + self.stuck_s
        self.silent_at = NEVER

    def ask_to_stop(self) -> None:
        """Do what the slot should have done at the time limit."""
        self.stop_at = NEVER
        if self.group is not None:
            signal_group(self.group, signal.SIGTERM)
            self.kill_at = time.monotonic() + self.grace_s

    def end_group(self, reason: str) -> None:
        """Kill the group, and write when it ended, and why."""
        if self.group is None:
            return
        if self.leader is not None and not is_alive(self.leader):
            self.leader_left()
        ended_at = since_boot() if self.left_at is None else self.left_at  # zombies of a stopped slot remain for long
        kill(self.group)
        if self.mark is not None:
            kill_marked(self.mark)
        if self.note is not None:
            write_note(self.note, self.group, ended_at, reason, self.left_after)
        self.forget()

    def leader_left(self) -> None:
        """Remember when; the slot notices it, too, if it is alive."""
        if self.leader is not None:
            os.close(self.leader)
        self.leader = None
        self.left_at = since_boot()
        if self.left_at - self.looked_at > BLIND_S:  # it may have ended at any time since then
            self.left_after = self.looked_at
        self.note_at = time.monotonic() + LATE_S

    def note_end(self) -> None:
        """Write when the leader ended for a slot that is late: it is stopped, or waits for the store."""
        self.note_at = NEVER
        if self.note is not None and self.group is not None and self.left_at is not None:
            write_note(self.note, self.group, self.left_at, "it left", self.left_after)

    def launcher_left(self) -> None:
        """Ask the slot to end, and leave it a while."""
        if self.launcher is not None:
            os.close(self.launcher)
        self.launcher = None
        self.orphaned_at = time.monotonic() + self.orphan_s
        self.signal_slot(signal.SIGTERM)

    def kill_slot(self) -> None:
        """Kill a slot that is stuck; that closes the pipe."""
        self.stuck_at = self.orphaned_at = NEVER
        self.signal_slot(signal.SIGKILL)

    def signal_slot(self, number: int) -> None:
        """Signal the slot, if it is known."""
        if self.slot is not None:
            with contextlib.suppress(OSError):  # it has ended
                signal.pidfd_send_signal(self.slot, number)


def main() -> None:
    """Guard until the slot's end of the pipe closes, as an orphan."""
    if os.fork():
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watch = Watch()
    _thread.start_new_thread(show_life, (watch,))  # it may wait for a file system, which must not delay an end
    rest = b""
    while True:
        next_at = min(at for at, _ in watch.actions())
        watch.look()
        descriptors = [each for each in (watch.leader, watch.launcher) if each is not None]
        timeout = min(ALIVE_S, max(0.0, next_at - time.monotonic()))
        ready, _, _ = select.select([0, *descriptors], [], [], timeout)
        if watch.leader in ready:
            watch.leader_left()
        if 0 in ready:
            data = os.read(0, 4096)
            if not data:
                watch.end_group("its slot was killed")
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                watch.obey(line)
        elif watch.launcher in ready:
            watch.launcher_left()
        for at, act in watch.actions():
            if at <= time.monotonic():
                act()


def process(pid: int, ticks: "int | None") -> "int | None":
    """Return a pidfd of a process; None if it has ended, or the system has none."""
    try:
        descriptor = os.pidfd_open(pid)
    except (OSError, AttributeError):
        return None
    if ticks is not None and started(pid) != ticks:
        os.close(descriptor)
        return None
    return descriptor


def is_alive(leader: int) -> bool:
    """Return whether the process behind a pidfd has not ended; False, too, if the pidfd was closed meanwhile."""
    try:
        return not select.select([leader], [], [], 0)[0]
    except (OSError, ValueError):
        return False


def started(pid: int) -> "int | None":
    """Return when a process started, in ticks since boot."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - no pathlib here
            return int(file.read().rpartition(")")[2].split()[19])
    except OSError:
        return None


def signal_group(group: int, number: int) -> bool:
    """Signal a group; return whether anything is left of it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def kill(group: int) -> None:
    """Kill a process group until nothing of it responds, but not forever: zombies that nobody reaps do."""
    until = time.monotonic() + 1.0
    while time.monotonic() < until and signal_group(group, signal.SIGKILL):
        time.sleep(0.01)


def kill_marked(mark: bytes) -> None:
    """Kill the processes that have an entry in their environment, until there is none."""
    until = time.monotonic() + 1.0
    while time.monotonic() < until and (found := marked(mark)):
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def marked(mark: bytes) -> "list[int]":
    """Return the processes that have an entry in their environment."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else []:  # noqa: PTH112, PTH208
        with contextlib.suppress(OSError):
            if name.isdecimal() and int(name) != os.getpid():
                with open(f"/proc/{name}/environ", "rb") as file:  # noqa: PTH123
                    if mark in file.read().split(b"\0"):
                        found.append(int(name))
    return found


def since_boot() -> float:
    """Return the time on a clock that nobody sets and that continues while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def show_life(watch: Watch) -> None:
    """Write now and then that the group is alive. The file is made once: a program may remove its directory."""
    made: int | None = None
    while True:
        time.sleep(ALIVE_S)
        group, note, leader, seconds = watch.group, watch.note, watch.leader, since_boot()
        # The guard may have been stopped until now, and the group may have ended in that time.
        if group is not None and note is not None and leader is not None and is_alive(leader):
            path = f"{note.rpartition('/')[0]}/{ALIVE_FILE}"
            with contextlib.suppress(OSError):
                write_life(path, group, seconds, create=made != group)
            made = group


def write_life(path: str, group: int, seconds: float, *, create: bool) -> None:
    """Write that a group was alive at a time since boot.

    Raises:
        OSError: the file cannot be written to.
    """
    flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file = os.open(path, flags | os.O_CREAT if create else flags, 0o600)
    try:
        text = f'{{"boot_id": "{boot_id()}", "group": {group}, "seconds": {seconds:.3f}}}'
        os.pwrite(file, f"{text.ljust(ALIVE_BYTES - 1)}\n".encode("ascii"), 0)
    finally:
        os.close(file)


def boot_id() -> str:
    """Return what is different after each boot.

    Raises:
        OSError: the system does not say.
    """
    with open(BOOT_FILE, encoding="ascii") as file:  # noqa: PTH123 - no pathlib here
        return file.read().strip()


def write_note(path: str, group: int, ended_at: float, reason: str, after: "float | None" = None) -> None:
    """Write when the group ended, in which boot, and why; if it may have been earlier, also after when."""
    earliest = "" if after is None else f'"after": {after:.3f}, '
    with contextlib.suppress(OSError):
        boot = boot_id()
        with open(f"{path}.new", "w", encoding="ascii") as file:  # noqa: PTH123
            whose = f'"boot_id": "{boot}", "group": {group}'
            file.write(f'{{{whose}, {earliest}"seconds": {ended_at:.3f}, "reason": "{reason}"}}\n')
        os.replace(f"{path}.new", path)  # noqa: PTH105


if __name__ == "__main__":
    main()
