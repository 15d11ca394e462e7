"""The example newspaper, started as its users start it: by manage.py, in a process of its own."""
