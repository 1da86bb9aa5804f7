"""Oxen by its Python package, in the current folder. Says what the work alone took.

python oxen_repo.py init
python oxen_repo.py add PATH MESSAGE       # and commit
python oxen_repo.py again PATH             # add, without a commit
python oxen_repo.py get PATH MESSAGE       # restore from the commit of that message
"""

import sys
import time

from oxen import Repo, user


def main(what: str, *arguments: str) -> None:
    """Do it."""
    started = time.perf_counter()
    repo = Repo(".")
    if what == "init":
        user.config_user("Bench", "bench@example.com")
        repo.init()
    elif what == "add":
        path, message = arguments
        repo.add(path)
        repo.commit(message)
    elif what == "again":
        repo.add(arguments[0])
        repo.status()
    elif what == "get":
        path, message = arguments
        commit = next(commit for commit in repo.log() if commit.message == message)
        repo.restore(path, source=commit.id)
    print(f"work: {time.perf_counter() - started:.4f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
