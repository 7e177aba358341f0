"""A relay that cuts a TLS connection after a request has been executed and before its answer arrives.

The relay cannot read TLS, but an answer comes after the change that it reports. So each piece from the server is held until
the relay has checked whether the change is made. The first piece after the change is dropped, and the connection closed.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class LateCut:
    """A relay in front of a server.

    Attributes:
        port: the port for clients.
        cuts: the number of lost answers.
    """

    def __init__(self, server_port: int, carried_out: Callable[[], bool]) -> None:
        """Args: carried_out: returns whether the change is made, by another connection to the server."""
        self._server_port, self._carried_out = server_port, carried_out
        self._lock, self.cuts = threading.Lock(), 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop accepting connections."""
        _end(self._listener)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            threading.Thread(target=self._pass_on, args=(client, server, lambda: False), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, client, self._cuts_now), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, cuts_now: Callable[[], bool]) -> None:
        with suppress(OSError):
            while (piece := source.recv(65_536)) and not cuts_now():
                target.sendall(piece)
        _end(source)
        _end(target)

    def _cuts_now(self) -> bool:
        with self._lock:
            cuts = self.cuts == 0 and self._carried_out()
            self.cuts += cuts
            return cuts


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
