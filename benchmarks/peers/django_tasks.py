"""Enqueue so many jobs, let one database worker do them all, and print how many it did in a second."""

import sys
import time

import django

if __name__ == "__main__":
    django.setup()
    from django.core.management import call_command

    from benchmarks import databases
    from benchmarks.peers.database_tasks import change_email_task
    from benchmarks.peers.jobs import link_keys

    databases.make_tables()
    keys = link_keys(int(sys.argv[1]))
    for key in keys:
        change_email_task.enqueue(key)
    began = time.perf_counter()
    call_command("db_worker", batch=True, interval=0.1, verbosity=0, reload=False)
    sys.stdout.write(f"\n{len(keys) / (time.perf_counter() - began)}\n")
