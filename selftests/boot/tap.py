# SPDX-License-Identifier: GPL-2.0
"""KTAP output of this folder's scripts."""

import sys


class Tap:
    """Numbers the results; a test fails by an exception of one of the `failures` types."""

    def __init__(self, name, failures=(AssertionError,)):
        self.name = name
        self.failures = failures
        self.passed = self.failed = 0
        print("TAP version 13")

    def comment(self, text):
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)

    def test(self, name, function, *arguments):
        """Calls the function; returns whether it passed."""
        try:
            function(*arguments)
        except self.failures as e:
            self.failed += 1
            self.comment(e)
            print(f"not ok {self.passed + self.failed} {name}", flush=True)
            return False
        self.passed += 1
        print(f"ok {self.passed + self.failed} {name}", flush=True)
        return True

    def finish(self):
        print(f"1..{self.passed + self.failed}")
        print(f"# {self.name}: passed {self.passed}, failed {self.failed}, skipped 0")
        sys.exit(1 if self.failed else 0)
