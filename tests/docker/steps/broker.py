"""A Kafka broker that dies while ingest reads from it."""


class Broker:
    def produced_and_landed(self, count):
        before = self.landed("user_events")
        self.stack.execute("airflow", "produce-events", "user-events", "--bulk", "--count", str(count))
        self.stack.until(f"{count} more rows in landing", lambda: self.landed("user_events") == before + count)

    def test_05_a_broker_that_dies(self):
        follower = self.stack.compose(
            "run", "-d", "tools", "ingest-landing", "--topic", "user_events", "--follow", "--duration", "2"
        ).split()[-1]
        self.addCleanup(self.stack.docker, "rm", "-f", follower)
        self.produced_and_landed(2_000)
        (broker,) = self.stack.containers("kafka")
        self.stack.docker("kill", broker)
        self.stack.docker("start", broker)
        self.stack.compose("up", "-d", "--no-recreate", "--wait", "kafka")
        self.log_step("broker killed and restarted")
        self.produced_and_landed(3_000)
        self.log_step("ingest continued")
        self.stack.docker("stop", follower)
        self.assertEqual(self.stack.inspect(follower)["State"]["ExitCode"], 0)
        self.stack.execute("airflow", "ingest-landing", "verify", "--topic", "user_events", "--broker")
        self.log_step("landing has every record of the broker, once")
