"""Runs moto's S3 server on a free port and writes its URL to the file named first.

One request at a time: moto checks `If-None-Match: *` and then writes, so two
threads could both create the same object, which S3 never allows.
"""

import os
import sys

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server


class Quiet(MotoRequestHandler):
    def log_request(self, *args):
        pass


def main():
    url_file = sys.argv[1]
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", port, app, threaded=False, request_handler=Quiet)
    with open(url_file + ".new", "w") as out:
        out.write(f"http://127.0.0.1:{server.server_port}\n")
    os.rename(url_file + ".new", url_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
