"""Build hclfmt, by which a test parses and formats the Terraform example: `python deploy/helm/hclfmt.py`.

It needs Go and a module proxy.
"""

from __future__ import annotations

import argparse
import sys
from typing import Final

from go_tools import GoModule, GoTool

HCL: Final = GoModule("github.com/hashicorp/hcl/v2", "v2.24.0", "h1:2QJdZ454DSsYGoaE6QheQZjtKZSUs9Nh2izTWiwQxvE=")
TOOL: Final = GoTool("hclfmt", HCL)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    sys.stdout.write(f"{TOOL.install()}\n")
