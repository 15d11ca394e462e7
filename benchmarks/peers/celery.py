"""Put so many jobs into the broker, let one worker with 32 threads do them, and print how many it did in a second."""

import os
import subprocess
import sys
import time
import uuid

THREADS = 32

if __name__ == "__main__":
    os.environ["QUEUE"] = f"benchmark-{uuid.uuid4().hex[:12]}"
    from benchmarks.peers.celery_app import app, change_email_task
    from benchmarks.peers.jobs import link_keys
    from django_plenigo.models import CustomerLink

    keys = link_keys(int(sys.argv[1]))
    CustomerLink.objects.update(confirmed_email="")
    for key in keys:
        change_email_task.delay(key)
    command = [sys.executable, "-m", "celery", "--app", "benchmarks.peers.celery_app", "worker", "--pool", "threads"]
    worker = subprocess.Popen([*command, "--concurrency", str(THREADS), "--loglevel", "error"], stdout=sys.stderr)

    def wait_until(done: int) -> float:
        """Return when so many jobs were done."""
        while CustomerLink.objects.exclude(confirmed_email="").count() < done:
            time.sleep(0.02)
            if worker.poll() is not None:
                sys.exit("The worker has ended.")
        return time.perf_counter()

    # Its start is not counted: from the first tenth on.
    first = len(keys) // 10
    began = wait_until(first)
    rate = (len(keys) - first) / (wait_until(len(keys)) - began)
    worker.terminate()
    worker.wait()
    app.control.purge()
    sys.stdout.write(f"\n{rate}\n")
