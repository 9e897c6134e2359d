"""Runs moto's S3 server.

    python server.py [--url-file FILE] [--host HOST] [--port PORT] [--bucket NAME]

When the server is ready, its URL, with the bucket, is written to FILE.

It serves one request at a time: moto checks `If-None-Match: *` and then writes,
so two threads could both create the same object, which S3 never allows.
"""

import argparse
import os

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

# The account whose buckets moto shows to every client.
ACCOUNT = "123456789012"


class Quiet(MotoRequestHandler):
    def log_request(self, *args):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url-file")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="default: a free port")
    parser.add_argument("--bucket", help="a bucket to create at the start")
    args = parser.parse_args()
    if args.bucket:
        s3_backends[ACCOUNT]["aws"].create_bucket(args.bucket, "us-east-1")
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server(args.host, args.port, app, threaded=False, request_handler=Quiet)
    if args.url_file:
        with open(args.url_file + ".new", "w") as out:
            out.write(f"http://{args.host}:{server.server_port}\n")
        os.rename(args.url_file + ".new", args.url_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
