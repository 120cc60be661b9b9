"""What this machine lets tests do to disks and users."""

from __future__ import annotations

import os
import subprocess

import pytest

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def _may_mount() -> bool:
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


with_mounts = pytest.mark.skipif(
    not _may_mount(), reason="only root outside of a container can mount file systems"
)
