"""The journal under kills and a full disk."""

import signal
import subprocess
import sys

from isogloss.tracking.journal import Journal

WRITER = """
import sys
from pathlib import Path
from isogloss.tracking.journal import Journal
journal = Journal(Path(sys.argv[1]))
journal.start_run("p", name="p", kind="pipeline")
step = 0
while True:
    journal.metrics("p", {"loss": float(step)}, step=step)
    print(step, flush=True)
    step += 1
"""

ON_A_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from isogloss.tracking.journal import Journal
journal = Journal(Path(sys.argv[1]))
journal.start_run("p", name="p", kind="pipeline")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
written = 0
try:
    while True:
        journal.metrics("p", {"loss": float(written)}, step=written)
        written += 1
except OSError as error:
    assert journal.path.read_bytes().endswith(b"}\\n"), "nothing half written stays"
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.metrics("p", {"loss": float(written)}, step=written)
journal.end_run("p", "FINISHED")
print(written)
"""


def test_a_killed_writer_loses_nothing_that_it_had_written(tmp_path):
    path = tmp_path / "journal.jsonl"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    for line in writer.stdout:
        last = int(line)
        if last == 200:
            break
    writer.send_signal(signal.SIGKILL)
    last = int((writer.communicate()[0].split() or [last])[-1])
    journal = Journal(path)
    steps = [event.data["step"] for event in journal.events() if event.kind == "metrics"]
    assert steps[: last + 1] == list(range(last + 1))
    assert journal.close_abandoned() == ["p"]
    assert [event.seq for event in journal.events()] == list(range(1, len(steps) + 4))


def test_a_full_disk_is_an_error_at_once_and_the_journal_goes_on_after(tmp_path):
    path = tmp_path / "journal.jsonl"
    done = subprocess.run([sys.executable, "-c", ON_A_FULL_DISK, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    journal = Journal(path)
    steps = [event.data["step"] for event in journal.events() if event.kind == "metrics"]
    assert steps == list(range(int(done.stdout) + 1))
    assert len(steps) > 10
    assert journal.torn is None
