"""``python -m headshot`` is the command ``headshot``."""

from headshot.apps.cli.main import main

if __name__ == "__main__":
    main()
