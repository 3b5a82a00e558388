"""Files of a model hub: its listing, resumable downloads, verification, and the cache that other tools share.

The cache has the layout of huggingface_hub, so that a model is on this machine once for all programs. The download is
our own: huggingface_hub deletes what a stopped download has received, and over plain HTTP it compares only the size.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import IO, Any

import httpx2
import msgspec

from tui.errors import LivegistError, file_error_hint

HASH = r"[0-9a-f]{40}|[0-9a-f]{64}"
"""Names of commits and of files in the cache: SHA-1 or SHA-256."""
ATTEMPTS = 5
"""Connections in a row that may break without a byte before a download fails."""
TIMEOUT_S = 20.0
"""Longest wait for a connection or for more bytes."""
KEPT = "What was downloaded is kept; run the same command to continue."

Progress = Callable[[int, int], None]
"""Takes how many bytes of how many are there."""


class HubFile(msgspec.Struct, frozen=True):
    """A file of a repository."""

    path: str
    size: int
    """In bytes."""
    digest: str
    """SHA-256 of a large file, else the SHA-1 by which git names it; the file's name in the cache."""


class Repository(msgspec.Struct, frozen=True):
    """What a hub says about a repository of models."""

    name: str
    """Owner and name, such as `Systran/faster-whisper-base`."""
    commit: str
    files: tuple[HubFile, ...]


def hub_url() -> str:
    """Return the hub's address: `HF_ENDPOINT`, else huggingface.co."""
    from huggingface_hub import constants

    return constants.ENDPOINT


def cache_dir() -> Path:
    """Return the folder of the cache: `HF_HUB_CACHE`, else below the user's cache folder."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def look_up(name: str) -> Repository:
    """Return what the hub has under a name.

    Raises:
        LivegistError: there is no such repository, or the hub cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, OfflineModeIsEnabled, RepositoryNotFoundError

    try:
        info = HfApi().model_info(name, files_metadata=True, timeout=TIMEOUT_S)
    except RepositoryNotFoundError as error:
        raise LivegistError(
            f"{hub_url()} has no model {name}, or it is not public.",
            "Check the name. A private model needs a token in HF_TOKEN.",
        ) from error
    except HFValidationError as error:
        raise LivegistError(f"Not a valid model name: {name}.", "Give it as OWNER/NAME.") from error
    except OfflineModeIsEnabled as error:
        raise LivegistError("HF_HUB_OFFLINE forbids downloads.", "Unset it to download a model.") from error
    except (OSError, httpx2.HTTPError, ValueError) as error:
        raise _unreachable(error) from error
    files = [
        HubFile(one.rfilename, one.size or 0, one.lfs.sha256 if one.lfs else one.blob_id or "")
        for one in info.siblings or ()
    ]
    if not all(map(_is_safe, files)) or not re.fullmatch(HASH, info.sha or ""):
        raise LivegistError(f"{hub_url()} lists {name} with invalid names or checksums.", "Use another hub.")
    return Repository(name, info.sha or "", tuple(files))


def snapshot(name: str) -> Path | None:
    """Return the folder of a repository in the cache, `None` if nothing of it is there."""
    storage = _storage(name)
    try:
        folder = storage / "snapshots" / (storage / "refs" / "main").read_text(encoding="utf-8")
    except OSError:
        return None
    return folder if folder.is_dir() else None


def stored_bytes(name: str, pattern: str = "*") -> int:
    """Return the size of what the cache has of a repository, stopped downloads included.

    Args:
        name: of the repository.
        pattern: of the files' names in the cache; `*.incomplete` for stopped downloads alone.
    """
    return sum(path.stat().st_size for path in (_storage(name) / "blobs").glob(pattern))


def matching(paths: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Return the paths that match any of the glob patterns, in which `**/` may stand for no folder at all."""
    globs = [*patterns, *(pattern.removeprefix("**/") for pattern in patterns)]
    return [path for path in paths if any(fnmatch(path, pattern) for pattern in globs)]


def download(repository: Repository, patterns: Sequence[str], progress: Progress) -> Path:
    """Bring files into the cache, continue what was stopped, verify all; return the folder that holds them.

    A file that is already there is verified, too, and fetched again if it is damaged.

    Raises:
        LivegistError: the hub fails, a file does not match its checksum, or the disk refuses.
    """
    blobs = _storage(repository.name) / "blobs"
    chosen = matching((file.path for file in repository.files), patterns)
    files = [file for file in repository.files if file.path in chosen]
    total = sum(file.size for file in files)
    done = 0
    try:
        blobs.mkdir(parents=True, exist_ok=True)
        for file in files:
            _complete(repository, file, blobs, partial(_report, progress, done, total))
            done += file.size
            progress(done, total)
        return _link(repository, files)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise _unreachable(error) from error
    except OSError as error:
        raise LivegistError(
            f"Writing to {cache_dir()} failed: {error.strerror or error}.", file_error_hint(error)
        ) from error


def remove(name: str) -> None:
    """Delete a repository from the cache, stopped downloads included.

    Raises:
        LivegistError: the disk refuses.
    """
    folder = _storage(name)
    try:
        shutil.rmtree(folder)
        shutil.rmtree(folder.parent / ".locks" / folder.name, ignore_errors=True)
    except OSError as error:
        raise LivegistError(
            f"{folder} cannot be deleted: {error.strerror or error}.", file_error_hint(error)
        ) from error


def _is_safe(file: HubFile) -> bool:
    """Return whether a hub's names can be used as paths: it may be any server that HF_ENDPOINT names."""
    return bool(re.fullmatch(HASH, file.digest)) and ".." not in Path(file.path).parts and not file.path.startswith("/")


def _report(progress: Progress, before: int, total: int, size: int) -> None:
    progress(before + size, total)


def _storage(name: str) -> Path:
    return cache_dir() / f"models--{name.replace('/', '--')}"


def _complete(repository: Repository, file: HubFile, blobs: Path, progress: Callable[[int], None]) -> None:
    """Have a whole, verified file in the cache.

    Raises:
        LivegistError: what the hub sends does not match its own checksum, or another process fetches it now.
    """
    blob = blobs / file.digest
    if blob.exists():
        if _is_whole(blob, file):
            return
        blob.unlink()
    incomplete = blob.with_name(f"{file.digest}.incomplete")
    with incomplete.open("ab") as written:
        try:
            fcntl.flock(written, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LivegistError(f"Another process downloads {repository.name}.", "Wait until it is done.") from error
        _fetch(repository, file, written, progress)
        if not _is_whole(incomplete, file):
            incomplete.unlink()
            raise LivegistError(
                f"{file.path} of {repository.name} is damaged: it does not match the hub's checksum. It was deleted.",
                "Run the same command to download it again.",
            )
        incomplete.rename(blob)


def _fetch(repository: Repository, file: HubFile, written: IO[bytes], progress: Callable[[int], None]) -> None:
    """Append to a partial file what it lacks; go on after a broken connection."""
    from huggingface_hub import get_token, hf_hub_url

    url = hf_hub_url(repository.name, file.path, revision=repository.commit)
    token = get_token()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    failures = 0
    with httpx2.Client(timeout=TIMEOUT_S, follow_redirects=True, headers=headers) as client:
        while (size := written.tell()) < file.size:
            try:
                _fetch_once(client, url, written, progress)
            except httpx2.TransportError:
                failures = 0 if written.tell() > size else failures + 1
                if failures == ATTEMPTS:
                    raise
            else:
                # If it is too short all the same, the checksum tells.
                return


def _fetch_once(client: httpx2.Client, url: str, written: IO[bytes], progress: Callable[[int], None]) -> None:
    size = written.tell()
    # Compressed bytes could not be continued in the middle.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={size}-"} if size else {})
    with client.stream("GET", url, headers=headers) as response:
        response.raise_for_status()
        if response.status_code != httpx2.codes.PARTIAL_CONTENT:
            written.truncate(0)
            written.seek(0)
        try:
            for chunk in response.iter_bytes():
                written.write(chunk)
                progress(written.tell())
        finally:
            written.flush()


def _is_whole(path: Path, file: HubFile) -> bool:
    """Return whether a file has the size and the checksum that the hub gives for it."""
    if path.stat().st_size != file.size:
        return False
    with path.open("rb") as content:
        if len(file.digest) == hashlib.sha256().digest_size * 2:
            return hashlib.file_digest(content, "sha256").hexdigest() == file.digest
        # What git calls a blob is a header and the content.
        named = hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
        return hashlib.file_digest(content, lambda: named).hexdigest() == file.digest


def _link(repository: Repository, files: Sequence[HubFile]) -> Path:
    """Give the files their names in the cache; return the folder.

    Source: "Understand caching" in the documentation of huggingface_hub.
    """
    storage = _storage(repository.name)
    folder = storage / "snapshots" / repository.commit
    for file in files:
        link = folder / file.path
        link.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            link.unlink()
        link.symlink_to(os.path.relpath(storage / "blobs" / file.digest, link.parent))
    main = storage / "refs" / "main"
    main.parent.mkdir(exist_ok=True)
    main.write_text(repository.commit, encoding="utf-8")
    return folder


def _unreachable(error: Exception) -> LivegistError:
    response: Any = getattr(error, "response", None)
    why = f"it answers {response.status_code}" if response is not None else str(error) or type(error).__name__
    return LivegistError(
        f"The model cannot be downloaded from {hub_url()}: {why}.",
        f"Check the network, or name a mirror in HF_ENDPOINT. {KEPT}",
    )
