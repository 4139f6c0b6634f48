"""How many cores this process may use."""

import os


def available_cores() -> int:
    """The cores that the process may run on, which a container or `taskset` can make fewer than the machine has."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
