#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The launcher as its user sees it: exit status, console keys, signals, terminal.

Runs bare guests of a few bytes, so it needs a hypervisor device: $MINIVMM_DEVICE (default
/dev/minivmm), as inside `tools/lab/run -- userspace-vmm/tests/on_device.py`. $MINIVMM names the
launcher (default: build/minivmm of this checkout). Prints KTAP.
"""
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MINIVMM = os.environ.get("MINIVMM", os.path.join(TOP, "build", "minivmm"))
DEVICE = os.environ.get("MINIVMM_DEVICE", "/dev/minivmm")
PATIENCE = 60

# Guest code, 32-bit protected mode without paging.
SLEEP = bytes.fromhex("fa f4 eb fd")                        # cli; 1: hlt; jmp 1b
POWER_OFF = bytes.fromhex("66ba0406 66b80020 66ef") + SLEEP   # S5 to the ACPI control register
UNKNOWN = bytes.fromhex("d905000000d0")                     # flds 0xd0000000: a device nobody has
CRASH = bytes.fromhex("0f0b")                               # ud2 without an IDT
RESET_PORT = bytes.fromhex("66baf90c b006 ee") + SLEEP
RESET_KEYBOARD = bytes.fromhex("b0fe e664") + SLEEP
WAIT_FOR_BUTTON = bytes.fromhex("66ba0006 66ed f6c401 74f9")
# outw to the scratch register's neighbour, and to index and data of the CMOS memory; read back as words
WORDS = bytes.fromhex("66bafe03 66b80041 66ef 66baff03 ec 66baf803 ee"
                      "66b87042 66e770 b070 e670 66e570 88e0 ee")
# Says k if CMOS memory has the mark already, else makes it and resets
MARK_CMOS = bytes.fromhex("b070 e670 e471 3ca5 740f b0a5 e671") + RESET_PORT + \
    bytes.fromhex("66baf803 b06b ee") + POWER_OFF
# Starts the other vCPU at 0x8000, with the code behind this one, which begins at 0x100000.
START_OTHER = bytes.fromhex("be33001000 bf00800000 b940000000 f3a4 c7051003e0fe00000001"
                            "c7050003e0fe00450c00 c7050003e0fe08460c00") + SLEEP
# Real mode: says the MTRRs' default type and, as 8, that they are on.
SAY_MTRR = bytes.fromhex("66b9ff020000 0f32 baf803 0430 ee 88e0 0430 ee") + SLEEP
# 1: wait for a byte; 'q' ends, any other is sent back
ECHO = bytes.fromhex("66bafd03 ec a801 74f7 66baf803 ec 3c71 7403 ee ebeb")


def say(char):
    return bytes.fromhex("66baf803 b0") + char.encode() + b"\xee"


def elf(code):
    """A PVH kernel: one segment at 1 MiB, entry at its start."""
    note = struct.pack("<III4sI", 4, 4, 18, b"Xen\0", 0x100000)
    body = 64 + 2 * 56
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, 0x100000, 64, 0, 0,
                         64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 7, body, 0x100000, 0x100000, len(code), len(code), 1)
    notes = struct.pack("<IIQQQQQQ", 4, 4, body + len(code), 0, 0, len(note), len(note), 4)
    return header + load + notes + code + note


# A session whose leader, as a shell does, starts the launcher as a job in the background, and takes
# it to the foreground at SIGUSR1. Ends with the launcher's status.
JOB = """
import os, signal, sys
fd = os.open(sys.argv[1], os.O_RDWR)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
job = os.fork()
if not job:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[2], sys.argv[2:])
def foreground(number, frame):
    os.tcsetpgrp(fd, job)
    os.kill(-job, signal.SIGCONT)
signal.signal(signal.SIGUSR1, foreground)
status = os.waitpid(job, os.WUNTRACED)[1]
sys.exit(99 if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status))
"""


class Guest:
    """A running launcher; on a terminal of its own, or on pipes."""

    running = []

    def __init__(self, code, terminal=False, options=(), job=False):
        self.file = tempfile.NamedTemporaryFile(suffix=".elf")
        self.file.write(elf(code))
        self.file.flush()
        self.errors = tempfile.TemporaryFile()
        command = [MINIVMM, "run", "--no-net", "-m", "32M", "--device", DEVICE,
                   "--kernel", self.file.name, *options]
        if terminal:
            self.fd, self.slave = pty.openpty()
            self.before = termios.tcgetattr(self.slave)
            self.input = self.fd
            ends = {"stdin": self.slave, "stdout": self.slave}
        else:
            inner, self.input = os.pipe()
            self.fd, outer = os.pipe()
            ends = {"stdin": inner, "stdout": outer}
        if job:
            command = [sys.executable, "-c", JOB, os.ttyname(self.slave), *command]
        self.process = subprocess.Popen(command, stderr=self.errors, start_new_session=job, **ends)
        Guest.running.append(self.process)
        if not terminal:
            os.close(inner)
            os.close(outer)
        self.output = b""

    def expect(self, text):
        """Reads until @text came."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.output:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"{text!r} did not come; came: {self.output!r}")
            piece = os.read(self.fd, 4096)
            if not piece:
                raise AssertionError(f"{text!r} did not come before the end: {self.output!r}")
            self.output += piece

    def send(self, data):
        os.write(self.input, data)

    def status(self):
        return self.process.wait(PATIENCE)

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read().decode()

    def raw(self):
        return not termios.tcgetattr(self.slave)[3] & (termios.ICANON | termios.ECHO)

    def restored(self):
        """The mode is what it was; after a kill the watcher gets a moment."""
        deadline = time.monotonic() + PATIENCE
        while termios.tcgetattr(self.slave) != self.before:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


def equal(got, expected):
    assert got == expected, f"{got!r} instead of {expected!r}"


def power_off_is_status_0():
    guest = Guest(say("!") + POWER_OFF)
    guest.expect(b"!")
    equal(guest.status(), 0)
    equal(guest.stderr(), "")


def instruction_nobody_emulates_is_status_4_with_its_bytes():
    guest = Guest(UNKNOWN)
    equal(guest.status(), 4)
    text = guest.stderr()
    assert "d9 05 00 00 00 d0" in text and "rip 0000000000100000" in text, text


def restarts(code):
    guest = Guest(say("!") + code)
    guest.expect(b"!!!")
    guest.process.send_signal(signal.SIGTERM)
    equal(guest.status(), 128 + signal.SIGTERM)


def files_are_kept_over_a_reset():
    guest = Guest(say("!") + RESET_PORT)
    guest.expect(b"!")
    os.rename(guest.file.name, guest.file.name + ".away")
    try:
        guest.output = b""
        guest.expect(b"!!!")
        guest.process.send_signal(signal.SIGINT)
        equal(guest.status(), 128 + signal.SIGINT)
    finally:
        os.rename(guest.file.name + ".away", guest.file.name)


def cmos_memory_is_kept_over_a_reset():
    guest = Guest(MARK_CMOS)
    guest.expect(b"k")
    equal(guest.status(), 0)


def triple_fault_restarts():
    restarts(CRASH)


def reset_port_restarts():
    restarts(RESET_PORT)


def keyboard_controller_restarts():
    restarts(RESET_KEYBOARD)


def input_through_a_pipe_is_passed_as_it_is():
    guest = Guest(ECHO + POWER_OFF)
    guest.send(b"a\x01x\x03\r\n\xff")
    guest.expect(b"a\x01x\x03\r\n\xff")
    guest.send(b"q")
    equal(guest.status(), 0)


def end_of_input_is_no_quit():
    guest = Guest(say("!") + SLEEP)
    os.close(guest.input)
    guest.expect(b"!")
    time.sleep(0.5)
    equal(guest.process.poll(), None)
    guest.process.send_signal(signal.SIGINT)
    equal(guest.status(), 128 + signal.SIGINT)


def more_vcpus_wait_for_their_start():
    guest = Guest(say("!") + POWER_OFF, options=("-c", "8"))
    guest.expect(b"!")
    equal(guest.status(), 0)


def words_to_byte_ports_are_two_bytes():
    guest = Guest(WORDS + POWER_OFF)
    guest.expect(b"AB")
    equal(guest.status(), 0)


def mtrrs_of_all_vcpus_are_alike():
    guest = Guest(START_OTHER + SAY_MTRR, options=("-c", "2"))
    guest.expect(b"68")


def sigterm_presses_the_power_button():
    guest = Guest(say("!") + WAIT_FOR_BUTTON + POWER_OFF)
    guest.expect(b"!")
    guest.process.send_signal(signal.SIGTERM)
    equal(guest.status(), 0)


def sigterm_switches_off_in_the_end():
    guest = Guest(say("!") + SLEEP, options=("--stop-timeout", "2"))
    guest.expect(b"!")
    start = time.monotonic()
    guest.process.send_signal(signal.SIGTERM)
    equal(guest.status(), 128 + signal.SIGTERM)
    assert time.monotonic() - start > 1.5, "the guest was not waited for"


def second_sigterm_switches_off():
    guest = Guest(say("!") + SLEEP, options=("--stop-timeout", "3600"))
    guest.expect(b"!")
    guest.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    equal(guest.process.poll(), None)
    guest.process.send_signal(signal.SIGTERM)
    equal(guest.status(), 128 + signal.SIGTERM)


def stop_timeout_0_switches_off_at_once():
    guest = Guest(say("!") + SLEEP, options=("--stop-timeout", "0"))
    guest.expect(b"!")
    guest.process.send_signal(signal.SIGTERM)
    equal(guest.status(), 128 + signal.SIGTERM)


def closed_output_ends_the_machine():
    guest = Guest(say("!") + SLEEP)
    guest.expect(b"!")
    os.close(guest.fd)
    equal(guest.status(), 128 + signal.SIGPIPE)


def job_in_the_background_leaves_the_terminal_alone():
    guest = Guest(say("!") + ECHO + POWER_OFF, terminal=True, job=True)
    guest.expect(b"!")
    assert not guest.raw(), "the terminal is raw"
    guest.send(b"shell\n")
    time.sleep(0.5)
    equal(guest.process.poll(), None)
    assert not guest.raw(), "the terminal is raw"
    termios.tcflush(guest.slave, termios.TCIFLUSH)
    guest.process.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + PATIENCE
    while not guest.raw():
        assert time.monotonic() < deadline, "the terminal is not raw in the foreground"
        time.sleep(0.05)
    guest.send(b"abc")
    guest.expect(b"abc")
    guest.send(b"q")
    equal(guest.status(), 0)
    assert guest.restored(), "the terminal was not restored"


def ctrl_a_x_quits_and_restores_the_terminal():
    guest = Guest(say("!") + SLEEP, terminal=True)
    guest.expect(b"!")
    assert guest.raw(), "the terminal is not raw"
    guest.send(b"\x01h")
    guest.expect(b"Ctrl-A x")
    guest.send(b"\x01x")
    equal(guest.status(), 0)
    assert guest.restored(), "the terminal was not restored"


def ctrl_a_a_sends_ctrl_a():
    guest = Guest(ECHO + POWER_OFF, terminal=True)
    guest.send(b"b\x01ac")
    guest.expect(b"b\x01c")
    guest.send(b"q")
    equal(guest.status(), 0)


def ctrl_a_p_presses_the_power_button():
    guest = Guest(say("!") + WAIT_FOR_BUTTON + POWER_OFF, terminal=True)
    guest.expect(b"!")
    guest.send(b"\x01p")
    equal(guest.status(), 0)


def terminal_comes_back_after(number):
    guest = Guest(say("!") + SLEEP, terminal=True)
    guest.expect(b"!")
    assert guest.raw(), "the terminal is not raw"
    guest.process.send_signal(number)
    if number == signal.SIGTERM:
        time.sleep(0.5)
        guest.process.send_signal(number)
    status = guest.status()
    assert status in (-number, 128 + number), status
    assert guest.restored(), "the terminal was not restored"


def terminal_comes_back_after_sighup():
    terminal_comes_back_after(signal.SIGHUP)


def terminal_comes_back_after_sigterm():
    terminal_comes_back_after(signal.SIGTERM)


def terminal_comes_back_after_sigkill():
    terminal_comes_back_after(signal.SIGKILL)


TESTS = [
    power_off_is_status_0,
    instruction_nobody_emulates_is_status_4_with_its_bytes,
    triple_fault_restarts,
    reset_port_restarts,
    keyboard_controller_restarts,
    input_through_a_pipe_is_passed_as_it_is,
    end_of_input_is_no_quit,
    more_vcpus_wait_for_their_start,
    files_are_kept_over_a_reset,
    cmos_memory_is_kept_over_a_reset,
    words_to_byte_ports_are_two_bytes,
    mtrrs_of_all_vcpus_are_alike,
    sigterm_presses_the_power_button,
    sigterm_switches_off_in_the_end,
    second_sigterm_switches_off,
    stop_timeout_0_switches_off_at_once,
    closed_output_ends_the_machine,
    job_in_the_background_leaves_the_terminal_alone,
    ctrl_a_x_quits_and_restores_the_terminal,
    ctrl_a_a_sends_ctrl_a,
    ctrl_a_p_presses_the_power_button,
    terminal_comes_back_after_sighup,
    terminal_comes_back_after_sigterm,
    terminal_comes_back_after_sigkill,
]


def main():
    failed = 0
    print(f"KTAP version 1\n1..{len(TESTS)}", flush=True)
    for number, test in enumerate(TESTS, 1):
        try:
            test()
            print(f"ok {number} {test.__name__}", flush=True)
        except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"# {error}\nnot ok {number} {test.__name__}", flush=True)
        while Guest.running:
            Guest.running.pop().kill()
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
