"""The line between worker and supervisor."""

from __future__ import annotations

import os
import threading

import pytest

from jupyter_mldeploy.scoring.errors import StatusChannelClosed
from jupyter_mldeploy.scoring.status import StatusChannel


def test_messages_arrive_whole_and_in_order() -> None:
    one, two = StatusChannel.pair()
    one.send({"event": "a", "text": "é\n\"'"})
    one.send({"event": "b", "path": object})
    first, second = two.wait(5)
    assert first == {"event": "a", "text": "é\n\"'"}
    assert second["event"] == "b"
    assert two.wait(0) == []
    two.send({"command": "go"})
    assert one.receive() == [{"command": "go"}]
    one.close()
    two.close()


def test_large_messages_wait_for_the_reader() -> None:
    one, two = StatusChannel.pair()
    sender = threading.Thread(target=one.send, args=({"event": "large", "text": "x" * 900_000},))
    sender.start()
    received: list[dict[str, object]] = []
    while not received:
        received = two.wait(5)
    sender.join()
    assert len(str(received[0]["text"])) == 900_000
    one.close()
    two.close()


def test_reader_that_does_not_read() -> None:
    one, two = StatusChannel.pair()
    with pytest.raises(StatusChannelClosed):
        one.send({"text": "x" * 9_000_000}, timeout_s=0.05)
    one.close()
    two.close()


def test_the_end_comes_after_the_last_message() -> None:
    one, two = StatusChannel.pair()
    one.send({"event": "last"})
    one.close()
    assert two.wait(5) == [{"event": "last"}]
    with pytest.raises(StatusChannelClosed):
        two.wait(5)
    with pytest.raises(StatusChannelClosed):
        two.send({"command": "go"})
    two.close()


def test_what_is_no_message_is_dropped() -> None:
    one, two = StatusChannel.pair()
    os.write(one.fileno(), b'garbage\n[1]\n{"event": "good"}\n{"half')
    assert two.wait(5) == [{"event": "good"}]
    one.close()
    two.close()
