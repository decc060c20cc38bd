# shellcheck shell=bash disable=SC2034,SC2154 # variables shared with tools/lab/run
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The files of an emulated host that has no 9p, so that its runs repeat: copies on
# read-only disks, made once (root-disk) or per run, and its results come back on a
# disk of their own, as a tar file. Nothing there tells one run from the next. All are
# $run/NAME; boot-init finds them by name or by this order.

DISKS=(base modules run results)

# For init, from emulator_settings.
disk_settings() {
	printf '%s=%q\n' OUT /dev/ttyS1 FILES disk MODULES ''
}

# What the inside reads of this run in folder lab, and the shares at their own paths, but for
# what a run leaves in them.
make_run_disk() {
	local file roots=("${SHARES[@]#/}") own=${TOP#/}
	mkdir "$run/lab"
	for file in init settings shares command minivmm.ko; do
		[ ! -e "$run/$file" ] || cp "$run/$file" "$run/lab"
	done
	(cd "$run" && mksquashfs lab "${SHARES[@]}" run -quiet -no-progress -no-strip \
		-noI -noD -noF -noX -no-exports -wildcards \
		-e "${roots[@]/%//.git}" "$own/build/check" "$own/build/bench" '... *.o' '... .*.cmd' '... __pycache__' >&2) ||
		die "mksquashfs failed"
	pad_image "$run/run"
}

make_disks() {
	ln -s "$("$LAB/root-disk" base)" "$run/base"
	ln -s "$("$LAB/root-disk" modules "$KERNEL")" "$run/modules"
	make_run_disk
	truncate -s $((CYLINDER * 256)) "$run/results"
}

fetch_disk_results() {
	tar -x -f "$run/results" -C "$run" 2>/dev/null || true
}
