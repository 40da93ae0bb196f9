"""What holds for every test."""

import signal

# Whoever starts the tests in the background of a script ignores SIGINT for them, and so would every process that the
# tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
