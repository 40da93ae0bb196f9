"""Run an entry script behind http.server: ``server.py SCRIPT FACTS``; detaches itself, then writes FACTS."""

import http.server
import json
import os
import sys
import traceback
from pathlib import Path


def main() -> None:
    script, facts = sys.argv[1:]
    if os.fork():
        os._exit(0)
    sys.path.insert(0, str(Path(script).parent))

    def tell(**values: object) -> None:
        new = Path(facts + ".new")
        new.write_text(json.dumps({"pid": os.getpid(), **values}))
        new.replace(facts)

    tell()
    names: dict = {"__name__": "entry_script"}
    try:
        exec(compile(Path(script).read_bytes(), script, "exec"), names)
        names["init"]()
    except Exception as error:
        traceback.print_exc()
        sys.stderr.flush()
        tell(error=f"{type(error).__name__}: {error}")
        sys.exit(3)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"])).decode()
            answer = json.dumps(names["run"](data)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    sys.stdout.flush()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tell(port=server.server_port)
    server.serve_forever()


main()
