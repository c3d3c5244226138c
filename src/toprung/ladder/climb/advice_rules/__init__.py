"""The rules of advice, by subject; a new one is a function with ``@register`` in one of these files."""
