"""One worker of the race of imports: does what its argument says, and prints what came of it as JSON.

python -m tests.races.import_files prepare LINES     make so many customers and one planned import of them
python -m tests.races.import_files go_on STATEMENTS  go on with what is due, and die at the statement of that number
python -m tests.races.import_files import NUMBER     import a file of its own, whose ids the other files want too
python -m tests.races.import_files look              tell what is there
"""

import io
import json
import os
import random
import signal
import sys
from collections.abc import Iterator

import django

if __name__ == "__main__":
    django.setup()
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.db.models import Count

    from django_plenigo.models import AccessId, AccessImport, AccessImportPart, CustomerLink, RemoteChange
    from django_plenigo.services import access_imports

    def file_of(lines: Iterator[str]) -> io.BytesIO:
        return io.BytesIO("\n".join(["customer_id,access_id_1,access_id_2", *lines]).encode())

    def prepare(count: int) -> object:
        users = get_user_model().objects
        users.bulk_create([users.model(username=f"reader{number}") for number in range(count)])
        CustomerLink.objects.bulk_create([CustomerLink(user=user, customer_id=f"C{user.pk}") for user in users.all()])
        links = CustomerLink.objects.order_by("pk")
        lines = (f"{link.customer_id},a{link.pk},b{link.pk}" if link.pk % 7 else "nobody,x," for link in links)
        run = access_imports.start(file_of(lines), in_background=False)
        AccessImport.objects.update(is_large=True)  # so that a yes leaves it to other processes
        run.refresh_from_db()
        return access_imports.confirm(run)

    def go_on(most_statements: int) -> object:
        # As if the lease of whoever died before had ended; several at once begin with none.
        if most_statements:
            AccessImport.objects.filter(lease__isnull=False).update(lease=None, leased_until=None)
        seen = 0

        def die(execute, sql, parameters, many, context):  # type: ignore[no-untyped-def]
            nonlocal seen
            seen += 1
            if seen == most_statements:
                os.kill(os.getpid(), signal.SIGKILL)
            return execute(sql, parameters, many, context)

        with connection.execute_wrapper(die):
            return access_imports.continue_due()

    def import_own(number: int) -> object:
        sys.stdin.readline()  # all workers start at one word
        keys = list(CustomerLink.objects.order_by("pk").values_list("customer_id", flat=True))
        random.Random(number).shuffle(keys)
        run = access_imports.start(file_of(f"{key},v{place}," for place, key in enumerate(keys)), in_background=False)
        access_imports.confirm(run)
        run.refresh_from_db()
        return {"state": run.state, "error": run.last_error, "lines": run.line_count, "sum": sum_of(run)}

    def sum_of(run: AccessImport) -> int:
        return run.applied_count + run.same_count + run.bad_count

    def look() -> object:
        runs = AccessImport.objects.order_by("pk")
        twice = AccessId.objects.values("value").annotate(count=Count("pk")).filter(count__gt=1)
        return {
            "states": list(runs.values_list("state", flat=True)),
            "applied": list(runs.values_list("applied_count", flat=True)),
            "bad": list(runs.values_list("bad_count", flat=True)),
            "bad_lines": runs.aggregate(count=Count("bad_lines"))["count"],
            "ids": AccessId.objects.count(),
            "values_twice": twice.count(),
            "noted": sorted(set(RemoteChange.objects.filter(kind="assign_access_ids").values_list("noted", flat=True))),
            "noted_links": RemoteChange.objects.filter(kind="assign_access_ids").count(),
            "parts": AccessImportPart.objects.count(),
        }

    work = {"prepare": prepare, "go_on": go_on, "import": import_own}
    verb, *arguments = sys.argv[1:]
    sys.stdout.write(json.dumps(work[verb](int(arguments[0])) if arguments else look()))
