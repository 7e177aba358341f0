"""The lines of a text; none may be endless."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from io import TextIOWrapper

from workshop.base.errors import WorkshopError

LONGEST = 2_000_000  # characters of a line: more than brokers take in a record
MOST = 50_000_000  # characters of a chunk


class Lines:
    """The lines of a file; those of the current chunk are kept, and can be taken back."""

    def __init__(self, file: TextIOWrapper, name: str) -> None:
        self._file, self._name = file, name
        self._again: deque[str] = deque()
        self.before = 0  # how many lines the chunks before this one had
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
        """Let all but the first `keep` lines of this chunk be read again."""
        back = self.taken[keep:]
        self.size -= sum(map(len, back))
        self._again.extendleft(reversed(back))
        del self.taken[keep:]

    def forget(self) -> None:
        """Begin a new chunk."""
        self.before += len(self.taken)
        self.taken, self.size = [], 0

    @property
    def is_full(self) -> bool:
        """Whether the chunk has so many characters that it must end."""
        return self.size > MOST
