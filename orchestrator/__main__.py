"""`python -m orchestrator`: the same as the command `orchestrator`."""

from orchestrator.cli.main import entry

if __name__ == "__main__":
    entry()
