"""Whether a path lies on a network file system, where SQLite's locks and shared memory cannot be trusted.

https://www.sqlite.org/wal.html §1: "WAL does not work over a network filesystem"; a register there would be
damaged by the second machine that opens it.
"""

import re
import sys
from pathlib import Path

__all__ = ["network_file_system"]

_NETWORK_TYPES = frozenset(
    {
        *("afs", "afpfs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "gfs2", "glusterfs", "gpfs", "lustre"),
        *("ncpfs", "nfs", "nfs4", "orangefs", "prl_fs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf", "webdav"),
    }
)
# FUSE names its driver after the dot. Most drivers of that kind speak to a network; these show a local disk.
_LOCAL_FUSE = frozenset(
    f"fuse.{driver}"
    for driver in (
        *("apfs", "bindfs", "cryfs", "encfs", "exfat", "ext2", "fuse-ext2", "fuse-overlayfs", "gocryptfs"),
        *("lxcfs", "mergerfs", "ntfs", "ntfs-3g", "overlayfs", "zfs"),
    )
)
# GetDriveTypeW, https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-getdrivetypew
_DRIVE_REMOTE = 4


def network_file_system(path: Path) -> str | None:
    """The name of the network file system under `path`; None where it is local or nobody can tell.

    Linux reads /proc/self/mountinfo, Windows asks for the drive's kind; macOS has neither and is not checked.
    """
    resolved = path.resolve()
    if sys.platform == "win32":
        return _windows(resolved)
    else:  # noqa: RET505  # mypy --platform win32 calls what follows a return unreachable
        try:
            mounts = Path("/proc/self/mountinfo").read_text("utf-8", errors="surrogateescape")
        except OSError:
            return None
        return _network_mount(resolved, mounts)


def _network_mount(path: Path, mountinfo: str) -> str | None:
    """The last mount over `path` in proc(5) `mountinfo`, if it is a network's."""
    deepest, kind = -1, ""
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = Path(_unescaped(fields[4]))
        # Later lines cover earlier ones at the same place.
        if path.is_relative_to(point) and len(point.parts) >= deepest:
            deepest, kind = len(point.parts), after.split(" ")[0]
    if kind in _NETWORK_TYPES or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE):
        return kind
    return None


def _unescaped(field: str) -> str:
    """proc(5): space, tab, newline and backslash are octal."""
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), field)


if sys.platform == "win32":

    def _windows(path: Path) -> str | None:
        import ctypes  # noqa: PLC0415

        drive = path.drive
        if drive.startswith("\\\\") and not re.match(r"\\\\[?.]\\[A-Za-z]:", drive):
            return "UNC"
        letter = drive.removeprefix("\\\\?\\").removeprefix("\\\\.\\")
        if ctypes.windll.kernel32.GetDriveTypeW(f"{letter}\\") == _DRIVE_REMOTE:
            return "remote drive"
        return None
