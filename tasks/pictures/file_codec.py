"""What the codecs of pictures and of sounds share: a sample is a file, read and prepared by itself."""

from __future__ import annotations

from abc import abstractmethod

from tasks.base import Array, Codec, Prepared
from tasks.pictures.folders import Pictures
from tasks.sets.digests import Digest


class FileCodec(Codec):
    """A codec whose samples are files, each prepared by itself: those of a set, or whatever else is at hand."""

    def __init__(self, files: Pictures) -> None:
        """`files` is the set; `Pictures.none()` where only `prepare` is called."""
        self._files = files

    def preprocess(self, index: int) -> tuple[Array, ...]:
        """One file of the set, prepared."""
        return self.prepare(self._files.names[index], self._files.read(index))

    def preprocess_with_digest(self, index: int) -> Prepared:
        """As `Codec.preprocess_with_digest`: the file is read once."""
        stored = self._files.stored(index)
        # While the bytes are still in the processor's cache.
        digest = Digest.of(stored.whole)
        return Prepared(self.prepare(self._files.names[index], stored.picture), digest)

    @abstractmethod
    def prepare(self, name: str, data: bytes) -> tuple[Array, ...]:
        """One file as the model's inputs: see `Codec.preprocess`.

        Args:
            name: Of the file, whose suffix tells a headerless picture (.rgb8, .bin), and for the error message.
            data: The file's bytes.

        Raises:
            DataMissing: They are not what the task needs.
        """
