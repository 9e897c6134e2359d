"""The stack of docker-compose.yml on a real Docker engine: see README.md.

The steps build on each other and run in the order of their names.
"""

import atexit
import signal
import sys
import time
import unittest

from stack import Stack
from steps.airflow import Airflow
from steps.broker import Broker
from steps.cluster import Cluster
from steps.commands import Commands
from steps.common import Common
from steps.restart import Restart
from steps.s3 import S3


class TheStack(Common, Commands, Broker, Cluster, S3, Airflow, Restart, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        # Events that were sent from outside of Docker.
        cls.from_outside = 0
        # Also after Ctrl-C or SIGTERM, when unittest cleans nothing up.
        atexit.register(cls.stack.remove)
        cls.addClassCleanup(cls.stack.remove)

    def setUp(self):
        self.began = time.monotonic()


class Progress(unittest.TextTestResult):
    """Prints the name of each step, and after a failure the logs of the services."""

    def startTest(self, test):
        print(test.id().rsplit(".", 1)[1], flush=True)
        super().startTest(test)

    def logs(self, test):
        print(test.stack.compose("logs", "--no-color", "--tail", "60", "scheduler", "executor", "airflow"), flush=True)

    def addError(self, test, err):
        self.logs(test)
        super().addError(test, err)

    def addFailure(self, test, err):
        self.logs(test)
        super().addFailure(test, err)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    unittest.main(failfast=True, testRunner=unittest.TextTestRunner(resultclass=Progress, failfast=True, verbosity=0))
