"""Build the documentation: `sphinx-build -W docs OUT`. It needs no network and no service."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

project = "django-plenigo"
author = "the authors of django-plenigo"
copyright = author  # the name that Sphinx asks for

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
myst_heading_anchors = 4

exclude_patterns = ["_build"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
# The docstrings put code between single backticks.
default_role = "code"

templates_path: list[str] = []
html_theme = "furo"
html_title = "django-plenigo"
html_show_sourcelink = False
html_copy_source = False
copybutton_prompt_text = "$ "
