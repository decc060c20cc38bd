# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives a guest through its serial console.

The guest is any command that has the console on its standard input and output: minivmm, QEMU, ssh. Used by tools/demo
and by selftests/boot. Not thread-safe; every wait has a time-out, and a guest that misses one is killed.
"""

import http.server
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time


class GuestError(Exception):
    """What went wrong, in one line, followed by the last lines of the console."""


class Guest:
    """One run of `command`; a context manager that leaves no process behind."""

    def __init__(self, command, transcript=None, show=False, errors=None):
        self.transcript = transcript
        self.show = show
        self.seen = b""
        self.tail = b""
        self.serial = 0
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill(signal.SIGKILL)

    def kill(self, number=signal.SIGTERM):
        """Ends the program if it still runs, and returns its exit status as subprocess gives it."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        return status

    def fail(self, cause):
        text = self.tail.decode(errors="replace").replace("\r", "").strip()
        raise GuestError(f"{cause}; the console ends with:\n" + "\n".join(text.split("\n")[-12:]))

    def read(self, deadline, waiting_for):
        left = deadline - time.monotonic()
        ready = left > 0 and select.select([self.process.stdout], [], [], left)[0]
        if not ready:
            self.fail(f"no {waiting_for} in time")
        data = os.read(self.process.stdout.fileno(), 65536)
        if not data:
            self.fail(f"the program ended with status {self.process.wait()} before {waiting_for}")
        self.seen += data
        self.tail = (self.tail + data)[-4096:]
        if self.transcript:
            self.transcript.write(data)
            self.transcript.flush()
        if self.show:
            sys.stdout.write(data.decode(errors="replace"))
            sys.stdout.flush()

    def expect(self, pattern, seconds, waiting_for=None):
        """Reads until the regular expression appears; returns the match and forgets everything up to its end."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return match
            self.read(deadline, waiting_for or pattern.decode())

    def send(self, line):
        try:
            self.process.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:
            self.fail(f"the program ended with status {self.process.wait()} while typing")

    def log_in(self, seconds):
        """From power-on to a root shell without echo and prompt."""
        self.expect(rb"login: ", seconds, "login prompt")
        self.send("root")
        self.expect(rb"# $", seconds, "shell prompt")
        self.send("stty -echo; PS1=; PS2=; TERM=dumb")
        self.run("true", seconds)

    def run(self, command, seconds, check=True):
        """Runs one shell command; returns (exit status, output). With check, another status than 0 is an error."""
        self.serial += 1
        mark = f"guest-{self.serial}-"
        # The quotes keep the marker out of an echo of the line itself.
        self.send(f"{command}\nprintf '\\n%s%d.\\n' 'guest-''{self.serial}-' $?")
        match = re.compile(rb"(?s)(.*?)\r?\n" + mark.encode() + rb"(\d+)\.\r?\n")
        found = self.expect(match, seconds, f"end of '{command}'")
        status, output = int(found[2]), found[1].decode(errors="replace").replace("\r", "").strip()
        if check and status:
            raise GuestError(f"'{command}' in the guest ended with status {status}: {output}")
        return status, output

    def wait_for_network(self, seconds):
        """DHCP goes on in the background when the login prompt is there."""
        self.run("until ip route get 10.0.2.2 >/dev/null 2>&1; do sleep 1; done", seconds)

    def power_off(self, seconds, command="poweroff"):
        """Shuts the guest down; returns the program's exit status."""
        self.send(command)
        deadline = time.monotonic() + seconds
        try:
            while True:
                self.read(deadline, "power-off")
        except GuestError:
            if self.process.poll() is None:
                try:
                    self.process.wait(timeout=max(1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    self.fail("the guest did not power off")
        return self.kill()

    def elapsed(self):
        return time.monotonic() - self.started


class WebServer:
    """Serves fixed pages, {path: bytes}, on a free port of the loopback interface: the guest's 10.0.2.2."""

    def __init__(self, pages):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page = pages.get(self.path)
                self.send_response(404 if page is None else 200)
                self.end_headers()
                self.wfile.write(page or b"")

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://10.0.2.2:{server.server_address[1]}"


def built(name):
    """Path of something that make has built."""
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.path.join(os.environ.get("MINIVMM_BUILD", os.path.join(top, "build")), name)


def launcher(disk, *options):
    """The command that boots `disk` on $MINIVMM_DEVICE with the launcher of this checkout. The guest reaches WebServer."""
    device = os.environ.get("MINIVMM_DEVICE", "/dev/minivmm")
    return [built("minivmm"), "run", "--device", device, "--host-loopback", *options, disk]


def payload_sum(disk):
    """The sha256 of /root/payload that the disk builder wrote down for this image."""
    with open(disk + ".sha256") as f:
        return f.read().split()[0]
