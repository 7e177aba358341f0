"""Lines of a text, with a limit of their length."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from io import TextIOWrapper

from workshop.base.errors import WorkshopError

LONGEST = 2_000_000  # characters of a line: more than brokers accept in a record
MOST = 50_000_000  # characters of a chunk


class Lines:
    """The lines of a file; the lines of the current chunk are kept and can be read again."""

    def __init__(self, file: TextIOWrapper, name: str) -> None:
        self._file, self._name = file, name
        self._again: deque[str] = deque()
        self.before = 0  # the number of lines in earlier chunks
        self.taken: list[str] = []
        self.size = 0  # characters of this chunk

    def __iter__(self) -> Iterator[str]:
        read = self._file.readline
        while line := self._again.popleft() if self._again else read(LONGEST):
            if len(line) == LONGEST and not line.endswith(("\n", "\r")):
                number = self.before + len(self.taken) + 1
                raise WorkshopError(
                    f"Line {number:,} of {self._name} has more than {LONGEST:,} characters.",
                    "Give a text with a row on each line.",
                )
            self.taken.append(line)
            self.size += len(line)
            yield line

    def take_back(self, keep: int) -> None:
        """Return all but the first `keep` lines of this chunk to the input, to be read again."""
        back = self.taken[keep:]
        self.size -= sum(map(len, back))
        self._again.extendleft(reversed(back))
        del self.taken[keep:]

    def forget(self) -> None:
        """Start a new chunk."""
        self.before += len(self.taken)
        self.taken, self.size = [], 0

    @property
    def is_full(self) -> bool:
        """Whether the chunk has reached the limit of its characters."""
        return self.size > MOST
