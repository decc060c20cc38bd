#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every bad input gets exactly one line on standard error, which names cause and remedy, and the
# documented exit status, and obeys no control characters. Needs no hypervisor device.
set -u

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
number=0
failed=0

# Is there no control character in the messages?
is_plain() {
	[ -z "$(tr -dc '\001-\011\013-\037\177' <"$dir/err")" ]
}

# check RULE STATUS PATTERN ARGUMENT...
check() {
	rule=$1 status=$2 pattern=$3
	shift 3
	number=$((number + 1))
	$MINIVMM "$@" >"$dir/out" 2>"$dir/err" </dev/null
	got=$?
	if [ "$got" = "$status" ] && [ "$(wc -l <"$dir/err")" = 1 ] && [ ! -s "$dir/out" ] &&
	   grep -q "^minivmm: .*$pattern" "$dir/err" && is_plain; then
		echo "ok $number $rule"
	else
		echo "# status $got, expected $status: $(cat "$dir/err")"
		echo "not ok $number $rule"
		failed=1
	fi
}

: >"$dir/empty"
echo "no disk" >"$dir/text"
truncate -s 1M "$dir/disk"
mkfifo "$dir/pipe"
: >"$dir/device"

printf 'QFI\373\0\0\0\3' >"$dir/qcow2"
printf 'KDMV' >"$dir/vmdk"
printf 'vhdxfile' >"$dir/vhdx"
truncate -s 64 "$dir/vdi" && printf '\177\020\332\276' >>"$dir/vdi"
printf '\037\213\010' >"$dir/gz"
truncate -s 1M "$dir/qcow2" "$dir/vmdk" "$dir/vhdx" "$dir/vdi" "$dir/gz"
truncate -s 1M "$dir/vhd" && printf 'conectix%504s' '' >>"$dir/vhd"
total=44

echo "KTAP version 1"
echo "1..$total"
check no_command 1 "minivmm run DISK"
check no_disk_given 1 "give a disk image" run
check disk_does_not_exist 1 "does not exist; .*tools/disk/build" run "$dir/none"
check disk_name_is_empty 1 "the disk's file name is empty; give the name of a disk image" run ""
check kernel_name_is_empty 1 "--kernel: the file name is empty; give" run --kernel ""
check initrd_name_is_empty 1 "--initrd: the file name is empty; give" run --kernel "$dir/text" --initrd=
check firmware_name_is_empty 1 "--bios: the file name is empty; give" run --bios "" "$dir/disk"
check device_name_is_empty 1 "--device: the file name is empty; give" run --device "" "$dir/disk"
check disk_is_a_directory 1 "is a directory; give a file" run "$dir"
check disk_is_empty 1 "is empty; " run "$dir/empty"
check disk_is_a_pipe 1 "neither a file nor a block device" run "$dir/pipe"
check memory_suffix_is_wrong 1 "write a number with suffix" run -m 1Q "$dir/disk"
check memory_without_suffix_is_bytes 1 "counts bytes" run -m 512 "$dir/disk"
check cpu_count_is_wrong 1 "must be 1 to 255" run -c 0 "$dir/disk"
check option_is_unknown 1 "unknown option --turbo" run --turbo "$dir/disk"
check kernel_does_not_exist 1 "--kernel .* does not exist" run --kernel "$dir/none"
check firmware_does_not_exist 1 "install Debian's package seabios" run --bios "$dir/none" "$dir/disk"
check device_does_not_exist 2 "--device $dir/nodev does not exist; check the name, .*leave --device out" run --device "$dir/nodev" --bios "$dir/disk" "$dir/disk"
check device_is_below_a_file 2 "--device .* does not exist; check the name" run --device "$dir/text/nodev" --bios "$dir/disk" "$dir/disk"
check device_is_a_directory 2 "cannot open .*; check --device" run --device "$dir" --bios "$dir/disk" "$dir/disk"
check device_is_no_hypervisor 2 "is no hypervisor device" run --device "$dir/device" --bios "$dir/disk" "$dir/disk"

check disk_is_qcow2 1 "is a qcow2 image.*qemu-img convert" run "$dir/qcow2"
check disk_is_vmdk 1 "is a vmdk image.*qemu-img convert" run "$dir/vmdk"
check disk_is_vhdx 1 "is a vhdx image.*qemu-img convert" run "$dir/vhdx"
check disk_is_vdi 1 "is a vdi image.*qemu-img convert" run "$dir/vdi"
check disk_is_vhd 1 "is a vpc image.*qemu-img convert" run "$dir/vhd"
check disk_is_packed 1 "is packed with gzip; unpack" run "$dir/gz"
check memory_is_more_than_the_host_has 3 "-m: 1024 GiB is more than this host's [0-9.]* [MG]iB of memory and swap; give less" run -m 1024G "$dir/disk"
check kernel_is_empty 1 "--kernel .* is empty" run --kernel "$dir/empty"
check initrd_is_empty 1 "--initrd .* is empty" run --kernel "$dir/text" --initrd "$dir/empty"
check firmware_is_empty 1 "--bios .* is empty" run --bios "$dir/empty" "$dir/disk"
check kernel_is_a_pipe 1 "--kernel .* is no regular file" run --kernel "$dir/pipe"
check word_of_another_program 1 "no option -snapshot here; .*--ro" run -snapshot "$dir/disk"

# What a terminal would obey is shown escaped, wherever it stands.
odd=$(printf '%s/a\nb\033]0;c\007' "$dir")
shown='a\\nb\\033]0;c\\007'
cp "$dir/qcow2" "$odd"
check odd_disk_does_not_exist 1 "disk .*$shown.none does not exist" run "$odd.none"
check odd_disk_is_qcow2 1 "disk .*$shown is a qcow2 image.*-O raw .*$shown disk.img" run "$odd"
check odd_kernel_does_not_exist 1 "--kernel .*$shown.none does not exist" run --kernel "$odd.none"
check odd_device_is_no_hypervisor 2 "$shown is no hypervisor device" run --device "$odd" --bios "$dir/disk" "$dir/disk"
check odd_command 1 "$shown is no command" "$odd"
check odd_option 1 "unknown option --.*$shown" run "--$odd"

phases_of_an_odd_name() {
	"$launcher" "$@" 2>"$dir/phases"
	got=$?
	grep -v '^a\\nb\\033]0;c: [0-9]* ms: power on$' "$dir/phases" >&2
	return "$got"
}
launcher=$MINIVMM
MINIVMM=phases_of_an_odd_name
check odd_name_of_the_machine 2 "is no hypervisor device" run --verbose --name "$(printf 'a\nb\033]0;c')" --device "$dir/device" --bios "$dir/disk" "$dir/disk"
MINIVMM=$launcher

if [ -e /dev/minivmm ]; then
	number=$((number + 1))
	echo "ok $number default_device_does_not_exist # SKIP it does"
else
	check default_device_does_not_exist 2 "/dev/minivmm does not exist .*CPU\|/dev/minivmm does not exist; load the module" run --bios "$dir/disk" "$dir/disk"
fi

# Standard output is closed: nothing of ours may take its number.
closed() {
	"$launcher" run "$dir/disk" >&-
}
launcher=$MINIVMM
MINIVMM=closed
check output_is_closed 1 "standard output is closed" run "$dir/disk"
MINIVMM=$launcher

# As a user who may do nothing; root passes every permission check.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$dir"
	chmod 600 "$dir/device" "$dir/disk"
	cp "$MINIVMM" "$dir/minivmm"
	cp "$dir/disk" "$dir/open" && chmod 666 "$dir/open"
	MINIVMM="setpriv --reuid=65534 --regid=65534 --clear-groups $dir/minivmm"
	check no_permission_for_the_device 2 "no permission to open .*usermod -aG kvm" run --device "$dir/device" --bios "$dir/open" "$dir/open"
	check no_permission_for_the_disk 1 "cannot be read: .*check its owner" run "$dir/disk"
else
	echo "ok $((number + 1)) no_permission_for_the_device # SKIP needs root and setpriv"
	echo "ok $((number + 2)) no_permission_for_the_disk # SKIP needs root and setpriv"
fi
exit $failed
