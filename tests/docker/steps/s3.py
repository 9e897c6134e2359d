"""Landing and gold on S3."""

import subprocess

from stack import ROOT

# Enough for several files of each topic; the stand-in is not a fast server.
RECORDS = 20_000


class S3:
    def mirror(self, folder):
        """Downloads everything in the bucket, with the generated keys."""
        import boto3

        keys = dict(line.split("=", 1) for line in self.stack.s3_keys.read_text().split())
        s3 = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.stack.ports['S3_PORT']}",
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            region_name=keys["AWS_REGION"],
        )
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket="sluice"):
            for found in page.get("Contents", []):
                target = folder / found["Key"]
                target.parent.mkdir(parents=True, exist_ok=True)
                s3.download_file("sluice", found["Key"], str(target))

    def test_14_landing_and_gold_on_s3(self):
        subprocess.run([ROOT / "deploy/docker/s3-keys.sh"], env=self.stack.env, check=True, capture_output=True)
        self.stack.compose("--profile", "s3", "up", "-d", "--build")
        self.stack.compose("--profile", "s3", "up", "-d", "--wait", "s3")
        self.log_step("the stack with S3")
        for topic in ("user_events", "transaction_events"):
            self.stack.execute(
                "airflow", "ingest-landing", "--topic", topic, "--until-caught-up", "--max-records", str(RECORDS),
                "--landing", "s3://sluice/landing",
            )
        self.log_step("ingested")
        self.executors_are(2)
        out = self.stack.execute(
            "scheduler", "submit-job", "/opt/jobs/landing_to_gold.sql", "--master", "sluice://scheduler:50050",
            "--landing", "s3://sluice/landing", "--gold", "s3://sluice/gold",
        )
        self.log_step("submitted")
        for line in self.stack.s3_keys.read_text().splitlines():
            if "KEY" in line:
                self.assertNotIn(line.split("=", 1)[1], out + self.stack.compose("logs", "scheduler", "executor", "airflow"))
        mirror = self.stack.data / "s3"
        self.mirror(mirror)
        compared = self.compare(mirror / "landing", mirror / "gold")
        self.assertGreater(self.landed("user_events", mirror / "landing"), RECORDS // 2)
        print(compared)
