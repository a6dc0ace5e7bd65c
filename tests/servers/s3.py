"""An S3 server on this machine: moto's, which keeps what it is given in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from digits.tracking.pages import answers
from servers.processes import started
from support import free_port

SECRET = "s3-secret-not-to-be-printed"


class S3:
    """A server that runs. `environment` is what its clients need."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.environment = {
            "AWS_ACCESS_KEY_ID": "team",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.address,
            region_name="us-east-1",
            aws_access_key_id="team",
            aws_secret_access_key=SECRET,
        )

    def create(self, bucket: str) -> str:
        """Create a bucket and return its name."""
        self.client.create_bucket(Bucket=bucket)
        return bucket

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Return all objects in a bucket with their contents."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
        return {key: self.client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def copy(self, bucket: str, copy: str) -> None:
        """Copy all objects of a bucket to a new one."""
        self.create(copy)
        for key in self.objects(bucket):
            self.client.copy_object(Bucket=copy, Key=key, CopySource={"Bucket": bucket, "Key": key})


@contextlib.contextmanager
def started_s3(folder: Path) -> Iterator[S3]:
    """Start a server on a free port of this machine, with its log in `folder`."""
    port = free_port()
    command = ["moto_server", "--host", "127.0.0.1", "--port", str(port)]
    with started(command, folder / "s3.log", {}, lambda: answers(port)):
        yield S3(port)
