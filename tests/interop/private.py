"""A root directory that only one process and its children see.

Mail servers exclude each other in a system, and have the paths of their files built in. Their packages are therefore
only unpacked, and laid over /usr, /var and /etc where nobody else sees it: in a mount namespace of Linux.
"""

import subprocess

# What is laid over what is there, and what begins empty.
OVER, EMPTY = ["usr", "var", "etc"], ["run"]
SCRIPT = """
set -e
packages=$1 files=$2 room=$3
shift 3
mount --make-rprivate /
mount -t tmpfs none "$room"
for name in {over}; do
    mkdir "$room/$name" "$room/work-$name"
    [ ! -d "$files/$name" ] || cp -a "$files/$name/." "$room/$name"
    lower=/$name
    [ ! -d "$packages/$name" ] || lower=$packages/$name:$lower
    mount -t overlay none -o "lowerdir=$lower,upperdir=$room/$name,workdir=$room/work-$name" "/$name"
done
for name in {empty}; do
    mount -t tmpfs none "/$name"
done
exec "$@"
""".format(over=" ".join(OVER), empty=" ".join(EMPTY))


def command(packages, files, room, program):
    """A program in such a root: with unpacked packages, and over these the files in the directory `files`. In `room`,
    an empty directory, is what it writes."""
    return ["unshare", "--mount", "--", "sh", "-c", SCRIPT, "sh", *map(str, [packages, files, room]),
            *map(str, program)]


def possible(directory):
    """Whether this user, on this system, can do that."""
    tried = command("/nonexistent", "/nonexistent", directory, ["true"])
    try:
        return subprocess.run(tried, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False
