# SPDX-License-Identifier: GPL-2.0
"""One libvirtd in the tree of clients, with one domain: a Linux guest whose console is a TCP port."""

import os
import subprocess
import time

PORT = 4555
ENVIRONMENT = dict(os.environ, LC_ALL="C")

DOMAIN = """<domain type='kvm'>
  <name>guest</name>
  <memory unit='MiB'>256</memory>
  <vcpu>{cpus}</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{kernel}</kernel>
    <initrd>{initrd}</initrd>
    <cmdline>{append}</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='{disk}'/><target dev='vda' bus='virtio'/>
    </disk>
    <interface type='user'><model type='virtio'/><rom enabled='no'/></interface>
    <serial type='tcp'><source mode='bind' host='127.0.0.1' service='{port}'/><protocol type='raw'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>
"""

# All is root's, and there is neither a log daemon nor a security module nor cgroups.
CONFIGURATION = """user = "root"
group = "root"
security_driver = "none"
stdio_handler = "file"
cgroup_controllers = []
namespaces = []
remember_owner = 0
"""
DAEMON_CONFIGURATION = """auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "2:file:{log}"
"""


def last_words(logs):
    """The ends of those files that are there."""
    text = ""
    for log in logs:
        if os.path.exists(log):
            with open(log, encoding="utf-8", errors="replace") as said:
                text += f"{log} ends with:\n" + "".join(said.readlines()[-30:])
    return text


class Libvirt:
    """A context manager that leaves no daemon behind."""

    def __init__(self, tree, domain):
        self.tree = tree
        self.log = os.path.join(domain["folder"], "libvirtd.log")
        self.xml = os.path.join(domain["folder"], "domain.xml")
        with open(self.xml, "w", encoding="utf-8") as out:
            out.write(DOMAIN.format(port=PORT, **domain))
        with open(f"{tree}/etc/libvirt/qemu.conf", "w", encoding="utf-8") as out:
            out.write(CONFIGURATION)
        with open(f"{tree}/etc/libvirt/libvirtd.conf", "w", encoding="utf-8") as out:
            out.write(DAEMON_CONFIGURATION.format(log=self.log))
        self.daemon = subprocess.Popen(["chroot", tree, "libvirtd"], env=ENVIRONMENT, stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.try_virsh("destroy", "guest")
        self.daemon.terminate()
        self.daemon.wait()

    def logs(self):
        return [self.log, f"{self.tree}/var/log/libvirt/qemu/guest.log"]

    def try_virsh(self, *arguments):
        """Returns (exit status, output)."""
        result = subprocess.run(["chroot", self.tree, "virsh", "-q", "-c", "qemu:///system", *arguments], env=ENVIRONMENT,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return result.returncode, result.stdout.strip()

    def virsh(self, *arguments):
        status, output = self.try_virsh(*arguments)
        assert status == 0, f"virsh {' '.join(arguments)}: status {status}: {output}"
        return output

    def wait_until_up(self, seconds):
        deadline = time.monotonic() + seconds
        while self.try_virsh("list")[0]:
            assert self.daemon.poll() is None, f"libvirtd ended with status {self.daemon.returncode}"
            assert time.monotonic() < deadline, "libvirtd does not answer"
            time.sleep(0.5)

    def start(self, seconds):
        self.wait_until_up(seconds)
        self.virsh("define", self.xml)
        self.expect_state("shut off", seconds)
        self.virsh("start", "guest")

    def console(self):
        """A command with the guest's console as its input and output."""
        return ["/run/busybox/busybox", "nc", "127.0.0.1", str(PORT)]

    def expect_state(self, state, seconds):
        deadline = time.monotonic() + seconds
        while self.virsh("domstate", "guest") != state:
            assert time.monotonic() < deadline, f"the domain is {self.virsh('domstate', 'guest')}, not {state}"
            time.sleep(0.5)

    def shut_down(self, guest, seconds):
        guest.run("acpid", seconds)
        self.virsh("shutdown", "guest", "--mode", "acpi")
        self.expect_state("shut off", seconds)

    def remove(self):
        self.virsh("undefine", "guest")
        assert self.virsh("list", "--all") == "", "the domain is still there"
