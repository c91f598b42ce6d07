"""Run the command line as `python -m locution_client`."""

from locution_client.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
