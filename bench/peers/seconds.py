"""How long calls take, as the peers' scripts for a CPU print it."""
import statistics
import time


def times(run, repeats):
    """Of each call after a first one, the shortest first."""
    run()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)


def told(**parts):
    """{"step_seconds": [...], "step_median": ...} of told(step=[...])."""
    return {key: value for name, seconds in parts.items()
            for key, value in ((name + "_seconds", seconds), (name + "_median", statistics.median(seconds)))}
