"""What holds for all tests."""

import os
import signal

from hypothesis import HealthCheck, settings

# Machines are shared and noisy: a slow example is no failure. CI tries the same examples each time,
# developers new ones.
settings.register_profile("sweeper", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("sweeper"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "sweeper")

# A shell that starts a suite in the background has it ignore ^C, and what tests start would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
