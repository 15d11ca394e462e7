"""Any user model will do. A process has but one, so another process runs the tests of another model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).parent.parent


def test_users_with_uuid_keys_another_email_field_and_no_user_name_are_customers_too():
    arguments = ["tests/user_models", "--ds=tests.user_models.settings", "-p", "no:cacheprovider", "-p", "no:randomly"]
    command = [sys.executable, "-m", "pytest", "-q", *arguments, "--override-ini=addopts="]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "16 passed" in ran.stdout


@pytest.mark.django_db
def test_migrations_are_complete_under_djangos_user_model():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
