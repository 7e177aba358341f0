"""Cut a connection after a request was carried out and before its answer arrives; for TLS, whose requests nobody can read.

An answer comes after the change that it tells of. So each piece that a server sends is held until it is known whether the
change is made; the first piece after the change is dropped, and the connection with it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class LateCut:
    """A relay before a server.

    Attributes:
        port: where clients connect.
        cuts: how many answers were lost.
    """

    def __init__(self, server_port: int, carried_out: Callable[[], bool]) -> None:
        """Args: carried_out: whether the change is made, asked of the server by another way."""
        self._server_port, self._carried_out = server_port, carried_out
        self._lock, self.cuts = threading.Lock(), 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Serve no more."""
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
