"""What logtree's key `namer` says, for rotating.py and timed.py."""

import os

TEMPLATES = ["{stem}.{suffix}{ext}", "old-{name}-{suffix}", "{suffix}.{name}", "{stem}_{suffix}{ext}.txt", "{name}.{suffix}"]


def namer_of(template, base):
    """What logtree's key `namer` says, as the function that Python has for it."""
    stem, ext = os.path.splitext(base)

    def namer(default):
        directory, name = os.path.split(default)
        suffix = name.removeprefix(base + ".")
        return os.path.join(directory, template.format(name=base, stem=stem, ext=ext, suffix=suffix))

    return namer
