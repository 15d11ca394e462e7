"""The thread that delivers: one a process, and none whose work is lost."""

import sqlite3
import sys
import threading
import time
from contextlib import closing

import psycopg
import pytest
from django.db import IntegrityError, OperationalError

from django_plenigo.delivery import Drainer
from tests.delivery.conftest import PATIENCE_SECONDS, START, Site, wait_until
from tests.recording_vendor import RecordingVendor


class Desk:
    """Counts what was handed in and what was done. Its work can be held up."""

    def __init__(self):
        self.lock = threading.Lock()
        self.handed_in = self.done = 0
        self.turns = []
        self.threads = set()
        self.most_at_once = self.at_work = 0
        self.has_begun, self.may_go_on = threading.Event(), threading.Event()
        self.may_go_on.set()
        self.drainer = Drainer(self.work)

    def hand_in(self, account="default"):
        with self.lock:
            self.handed_in += 1
        self.drainer.wake([account])

    def work(self, accounts, must_stop):
        with self.lock:
            self.at_work += 1
            self.most_at_once = max(self.most_at_once, self.at_work)
        self.turns.append(accounts)
        self.threads.add(threading.current_thread().name)
        seen = self.handed_in
        self.has_begun.set()
        assert self.may_go_on.wait(PATIENCE_SECONDS)
        with self.lock:
            self.done = max(self.done, seen)
            self.at_work -= 1

    def wait(self):
        self.drainer.join(PATIENCE_SECONDS)


def test_wake_returns_before_the_work_is_done_by_a_thread_of_its_own():
    desk = Desk()
    desk.may_go_on.clear()
    desk.hand_in()
    assert desk.done == 0
    desk.may_go_on.set()
    desk.wait()
    assert (desk.done, desk.threads) == (1, {"plenigo-delivery"})


def test_wakes_that_come_while_the_thread_works_are_one_more_turn_for_all_their_accounts():
    desk = Desk()
    desk.may_go_on.clear()
    desk.hand_in("a")
    assert desk.has_begun.wait(PATIENCE_SECONDS)
    for account in ["b", "c", "b", "c", "b"]:
        desk.hand_in(account)
    desk.may_go_on.set()
    desk.wait()
    assert desk.turns == [["a"], ["b", "c"]]


def test_account_that_is_woken_while_another_is_busy_has_its_turn_before_that_goes_on():
    turns = []

    def work(accounts, must_stop):
        turns.append(accounts)
        if len(turns) == 1:
            drainer.wake(["quiet"])
            return ["busy"]
        return []

    drainer = Drainer(work)
    drainer.wake(["busy"])
    drainer.join(PATIENCE_SECONDS)
    assert turns == [["busy"], ["quiet", "busy"]]


def test_no_wake_of_many_threads_is_lost_and_no_two_turns_are_taken_at_once():
    desk = Desk()
    switch_seconds = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns wherever they can
    try:
        for _ in range(50):
            wakers = [threading.Thread(target=lambda: [desk.hand_in() for _ in range(20)]) for _ in range(4)]
            for waker in wakers:
                waker.start()
            for waker in wakers:
                waker.join()
            desk.wait()
            assert desk.done == desk.handed_in
    finally:
        sys.setswitchinterval(switch_seconds)
    assert (desk.handed_in, desk.most_at_once) == (4000, 1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # SystemExit ends the thread
@pytest.mark.parametrize("error", [LookupError("no row for ada@example.com"), SystemExit(1)])
def test_work_that_fails_is_logged_without_what_it_says_and_the_next_wake_works(caplog, error):
    turns = []

    def work(accounts, must_stop):
        turns.append(accounts)
        if len(turns) == 1:
            raise error

    drainer = Drainer(work)
    for _ in range(2):
        drainer.wake(["default"])
        drainer.join(PATIENCE_SECONDS)
    assert turns == [["default"], ["default"]]
    assert "ada" not in caplog.text
    assert "LookupError" in caplog.text or isinstance(error, SystemExit)


def of_sqlite():
    try:
        with closing(sqlite3.connect(":memory:")) as other:
            other.execute("SELECT ada")
    except sqlite3.Error as error:
        raise OperationalError(*error.args) from error


def of_postgresql():
    text = "Key (email)=(ada@example.com) already exists."
    raise IntegrityError(text) from psycopg.errors.UniqueViolation(text)


def of_mariadb():
    raise OperationalError(1205, "Lock wait timeout exceeded; try ada@example.com again")


@pytest.mark.parametrize(
    ("fail", "words"),
    [
        (of_sqlite, "OperationalError (SQLITE_ERROR)"),
        (of_postgresql, "IntegrityError (23505)"),
        (of_mariadb, "OperationalError (1205)"),
    ],
)
def test_error_of_the_database_is_logged_by_its_code_without_what_it_says(caplog, fail, words):
    drainer = Drainer(lambda accounts, must_stop: fail())
    drainer.wake(["default"])
    drainer.join(PATIENCE_SECONDS)
    assert f"A delivery ended with {words}" in caplog.text
    assert "ada" not in caplog.text


# ---- processes -------------------------------------------------------------------------------------------------


def test_process_that_ends_has_delivered_what_it_noted(site: Site):
    site.prepare(3)
    site.change()
    assert site.look() == {"told": 3, "waiting": 0, "leased": 0}


def test_shell_command_that_ends_has_delivered_what_it_noted(site: Site):
    site.prepare(3)
    code = "from django.contrib.auth import get_user_model as g\nfor u in g().objects.all(): u.email += 'x'; u.save()"
    shell = site.start("-m", "django", "shell", "-c", code)
    _, err = shell.communicate(timeout=PATIENCE_SECONDS)
    assert (shell.returncode, err) == (0, "")
    assert site.look() == {"told": 3, "waiting": 0, "leased": 0}


HANGING = """
import time
from django_plenigo.delivery import Drainer
drainer = Drainer(lambda accounts, must_stop: time.sleep(600), exit_seconds=0.5, last_calls_seconds=0.5)
drainer.wake(["default"])
"""


LAST_CALLS = """
import time
from django_plenigo.delivery import Drainer

def work(accounts, must_stop):
    while not must_stop():
        time.sleep(0.3)
    print("the last call has ended", flush=True)

drainer = Drainer(work, exit_seconds=0.1)
drainer.wake(["default"])
"""


def test_process_that_ends_waits_for_the_calls_that_are_under_way(site: Site):
    assert site.run(LAST_CALLS) == "the last call has ended\n"


def test_vendor_who_does_not_answer_holds_no_process_up_that_ends(site: Site):
    began = time.monotonic()
    site.run(HANGING)
    assert time.monotonic() - began < 30


ENDING_IN_THE_MIDDLE = """
from django_plenigo import delivery
drainer = delivery.Drainer(delivery._work, exit_seconds=0.5, last_calls_seconds=2.5)
drainer.wake(["default"])
input()
"""


def test_process_that_ends_with_much_due_keeps_its_promise_and_leaves_nothing_half_done(
    site: Site, slow_vendor: RecordingVendor, processes
):
    slow_vendor.latency_seconds = 1.5
    site.prepare(40)
    site.change(DELIVERY="")
    process = processes(site.start("-c", START + ENDING_IN_THE_MIDDLE))
    wait_until(lambda: len(slow_vendor.calls) >= 4)
    began = time.monotonic()
    process.communicate("\n", timeout=PATIENCE_SECONDS)
    assert time.monotonic() - began < 4.5
    told = len(slow_vendor.calls)
    assert 4 <= told <= 12
    assert site.look() == {"told": told, "waiting": 40 - told, "leased": 0}


FORKING = """
import os, warnings
from django_plenigo.delivery import Drainer
warnings.simplefilter("ignore")  # Python warns of threads in a process that forks: there they are
turns = []
drainer = Drainer(lambda accounts, must_stop: turns.append((os.getpid(), accounts)))

def work():
    drainer.wake(["default"])
    drainer.join(60)
    assert turns[-1] == (os.getpid(), ["default"]), turns

drainer._lock.acquire()  # as another thread may hold it in the moment of the fork
child = os.fork()
if child:
    drainer._lock.release()
    work()
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status))
else:
    work()
    os._exit(0)
"""


def test_forked_worker_has_a_thread_of_its_own(site: Site):
    assert site.run(FORKING).split() == ["0"]


CONNECTED = """
from django.db import connections
from django_plenigo.delivery import Drainer
connected = []

def work(accounts, must_stop):
    connections["default"].ensure_connection()
    connected.append(connections["default"])
    assert connected[0].connection is not None

drainer = Drainer(work)
drainer.wake(["default"])
drainer.join(60)
print(connected[0].connection)
"""


def test_thread_closes_its_own_connections(site: Site):
    assert site.run(CONNECTED).split() == ["None"]
