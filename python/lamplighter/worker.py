"""A process that answers predictions over a Unix socket.

Started by Lamplighter as ``python -m lamplighter.worker --socket PATH --package DIR``.
Frames are a big-endian length of four bytes and a JSON object. Only this module
writes to the socket; whatever the model prints goes to the worker's log.
"""

import argparse
import json
import os
import signal
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from lamplighter.package import read_description, with_nan
from lamplighter.serve import Predictor, answer_rows, check_outputs, load_predictor
from lamplighter.values import plain_to_json

PROTOCOL = 1
FRAME_MAX = 64 * 1024 * 1024
MESSAGE_MAX = 2_000
TRACEBACK_MAX = 16_000
EXIT_SECONDS_MAX = 3.0


class ProtocolError(Exception):
    """The other side said something that is no frame."""


class _Stopped(BaseException):
    """The worker was told to end; not an ``Exception``, so no model swallows it."""


def send(connection: socket.socket, message: Mapping[str, Any]) -> None:
    """Send one frame; an answer that is too long becomes an error."""
    body = plain_to_json(message)
    if len(body) > FRAME_MAX:
        text = f"the answer has {len(body)} bytes; at most {FRAME_MAX} can be sent"
        body = plain_to_json(
            {"type": "error", "id": message.get("id"), "message": text}
        )
    connection.sendall(struct.pack(">I", len(body)) + body)


def receive(connection: socket.socket) -> dict[str, Any] | None:
    """Receive one frame; none when the other side has closed the socket."""
    header = _receive_exactly(connection, 4)
    if header is None:
        return None
    (length,) = struct.unpack(">I", header)
    if length > FRAME_MAX:
        raise ProtocolError(f"a frame of {length} bytes; at most {FRAME_MAX} are read")
    body = _receive_exactly(connection, length)
    if body is None:
        return None
    try:
        message = json.loads(body)
    except ValueError as error:
        raise ProtocolError(f"a frame is not JSON: {error}") from error
    if not isinstance(message, dict):
        raise ProtocolError("a frame is not a JSON object")
    return message


def _receive_exactly(connection: socket.socket, length: int) -> bytes | None:
    received = bytearray()
    while len(received) < length:
        part = connection.recv(min(length - len(received), 1 << 20))
        if not part:
            return None
        received += part
    return bytes(received)


def answer(
    predictor: Predictor, signature: Mapping[str, Any], message: Mapping[str, Any]
) -> dict[str, Any]:
    """Answer one ``predict`` frame; whatever the model raises becomes an error."""
    frame_id = message.get("id")
    try:
        columns = with_nan(message["columns"], signature["inputs"])
        names = [field["name"] for field in signature["outputs"]]
        outputs = check_outputs(predictor.predict(columns), names, message["rows"])
        return {"type": "answer", "id": frame_id, "outputs": outputs}
    except (Exception, SystemExit) as error:
        return {"type": "error", "id": frame_id, **describe(error)}


def describe(error: BaseException) -> dict[str, str]:
    """Describe an error in a bounded message and traceback."""
    text = str(error)
    message = f"{type(error).__name__}: {text}" if text else type(error).__name__
    trace = "".join(traceback.format_exception(error))
    # The end of a traceback says most.
    return {"message": message[:MESSAGE_MAX], "traceback": trace[-TRACEBACK_MAX:]}


def serve(
    connection: socket.socket, predictor: Predictor, signature: Mapping[str, Any]
) -> None:
    """Answer frames until told to stop or the other side is gone."""
    while (message := receive(connection)) is not None:
        kind = message.get("type")
        if kind == "predict":
            send(connection, answer(predictor, signature, message))
        elif kind == "ping":
            send(connection, {"type": "pong", "id": message.get("id")})
        elif kind == "stop":
            return
        else:
            text = f"a frame of type `{kind}` is not known"
            send(
                connection, {"type": "error", "id": message.get("id"), "message": text}
            )


def prepare(package: Path) -> tuple[Predictor, Mapping[str, Any]]:
    """Load the predictor and ask it the golden rows once, so that it is warm."""
    description = read_description(package)
    predictor = load_predictor(package)
    signature = description["signature"]
    answer_rows(predictor, signature, description["golden"]["rows"])
    return predictor, signature


def connect(path: str) -> socket.socket:
    """Connect to the Unix socket at ``path``."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(path)
    except OSError as error:
        connection.close()
        raise ProtocolError(f"cannot connect to {path}: {error}") from error
    return connection


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the worker and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m lamplighter.worker",
        description="Answer predictions over a Unix socket.",
    )
    parser.add_argument("--socket", required=True, help="the Unix socket to connect to")
    parser.add_argument("--package", required=True, type=Path, help="package folder")
    options = parser.parse_args(arguments)
    _leave_terminal()
    try:
        return _run(options.socket, options.package)
    except _Stopped:
        return 0
    except (ProtocolError, ConnectionError) as error:
        print(f"lamplighter.worker: {error}", file=sys.stderr, flush=True)
        return 1


def _run(path: str, package: Path) -> int:
    try:
        predictor, signature = prepare(package)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        with connect(path) as connection:
            send(connection, {"type": "failed", **describe(error)})
        return 1
    with connect(path) as connection:
        ready = {"type": "ready", "protocol": PROTOCOL, "pid": os.getpid()}
        send(connection, ready)
        serve(connection, predictor, signature)
    return 0


def _leave_terminal() -> None:
    """End on SIGTERM, leave Ctrl-C to Lamplighter, print line by line to the log."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise _Stopped

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin = open(os.devnull, encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True, errors="backslashreplace")


def _exit(code: int) -> NoReturn:
    """Exit, even if the model has left a thread that never ends."""
    timer = threading.Timer(EXIT_SECONDS_MAX, os._exit, [code])
    timer.daemon = True
    timer.start()
    sys.exit(code)


if __name__ == "__main__":
    _exit(main())
