"""The page for support agents says what the actions are, and what they need."""

from django_plenigo.admin.connections import AllowConnection, UndoConnection
from django_plenigo.admin.webhooks import WorkAgain
from tests.admin.test_actions import ACTIONS
from tests.test_docs_tables import tables


def test_table_of_actions_names_each_with_its_permission_and_its_bound():
    documented = {row[0]: (row[2].strip("`"), int(row[3])) for row in tables("admin", "Action")}
    pages = [*(action.page for action in ACTIONS), WorkAgain, UndoConnection, AllowConnection]
    assert documented == {str(page.title): (page.permission, page.most) for page in pages}
