"""What the source of a module imports, loads by dotted path, and reads of Django's settings."""

import ast

#: What loads a module or a name by its dotted path.
LOADERS = {"import_module", "import_string", "__import__"}


def imports_of(source: str, package: str) -> set[str]:
    """Return every dotted name that a source in a package imports, inside functions and by relative imports too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            origin = _origin(node, package)
            names |= {f"{origin}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def _origin(node: ast.ImportFrom, package: str) -> str:
    """Return what stands behind `from`, with the dots of a relative import resolved."""
    parts = package.split(".")
    above = parts[: len(parts) - node.level + 1] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])


def loaded_by_path(source: str) -> list[str]:
    """Return what a source loads by dotted path: the path in quotes, or the expression that yields it."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        ast.unparse(call.args[0]) if call.args else "nothing"
        for call in calls
        if ast.unparse(call.func).split(".")[-1] in LOADERS
    ]


def settings_read(source: str) -> set[str]:
    """Return which of Django's settings a source reads, and every other use of `django.conf` as it stands there."""
    tree = ast.parse(source)
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.conf"
        for alias in node.names
    }
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    by_name = [node for node in attributes if isinstance(node.value, ast.Name) and node.value.id in names]
    owners = {id(node.value) for node in by_name}
    alone = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in names]
    whole = [node for node in attributes if ast.unparse(node) == "django.conf"]
    modules = {name for name in imports_of(source, "") if name == "django.conf"}
    return (
        {node.attr for node in by_name}
        | {node.id for node in alone if id(node) not in owners}
        | {ast.unparse(node) for node in whole}
        | modules
    )
