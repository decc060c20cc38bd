# SPDX-License-Identifier: GPL-2.0
"""What a healthy guest's kernel log does not say."""

# A guest that lost an interrupt, a timer or its clock says one of these; for grep -E.
TROUBLE = (
    r"soft lockup|hard LOCKUP|rcu.*(stall|starved)|blocked for more than|nobody cared|No irq handler|[Ll]ost .*interrupt"
    r"|as unstable|skew is too large|time jumped|timed out|NETDEV WATCHDOG|I/O error|EXT4-fs (error|warning)"
    r"|\bBUG: |Oops: |WARNING: CPU|Call Trace:")


def check_log(guest, seconds, known="^$"):
    """Asserts that the log has no trouble but what is `known`. Filtered in the guest: a whole log takes minutes over the serial line."""
    status, bad = guest.run(f"dmesg | grep -v -E '{known}' | grep -m 20 -E '{TROUBLE}'", seconds, check=False)
    assert status == 1, f"the guest's log has:\n{bad}"
