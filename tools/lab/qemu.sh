# shellcheck shell=bash disable=SC2034,SC2154 # variables shared with tools/lab/run
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The AMD host: QEMU's software emulation. Included by tools/lab/run; see there
# for the variables and for what an emulator's file provides.

emulator_name=QEMU

emulator_defaults() {
	CPUS=${CPUS:-2}
	# Without ERMS: QEMU stores byte by byte, which is slow without end where code was.
	CPU=${CPU:-EPYC-Milan,-erms,-fsrm}
	KVM=kvm_amd
	[ $ICOUNT = no ] || CPUS=1
	[ -z "$INSTRUMENT" ] || die "--instrument is for --host intel and amd-strict"
}

emulator_settings() {
	local out=/dev/vport0p1
	[ $SHELL_MODE = no ] || out=/dev/hvc0
	printf '%s=%q\n' OUT $out FILES 9p
}

share_options() {
	local tag=$1 path=${2//,/,,} extra=${3:-}
	MACHINE+=(-fsdev "local,id=$tag,path=$path,security_model=none,multidevs=remap$extra"
		-device "virtio-9p-pci,fsdev=$tag,mount_tag=$tag")
}

emulator_prepare() {
	local i accel=tcg,thread=multi,tb-size=512 image=$kernel/vmlinux program
	program=$("$LAB/qemu")
	[ ! -e "$kernel/bzImage" ] || image=$kernel/bzImage
	[ $ICOUNT = no ] || accel=tcg,thread=single,tb-size=512
	MACHINE=("$program" -L /usr/share/qemu -L /usr/share/seabios -nodefaults -no-user-config -machine q35 -accel "$accel"
		-cpu "$CPU,check=off" -smp "$CPUS" -m "$MEM" -display none -no-reboot
		-serial "file:$run/serial" -kernel "$image"
		-initrd "$("$LAB/initramfs" "$KERNEL" virtio_pci virtio_console 9pnet_virtio 9p overlay)"
		-append "console=ttyS0 lab_files=9p $PARAMETERS" -device virtio-serial-pci)
	if [ $ICOUNT = yes ]; then
		MACHINE+=(-icount "shift=0,sleep=off" -seed 1
			-rtc "base=2026-01-01T00:00:00,clock=vm")
	fi
	if [ $SHELL_MODE = yes ]; then
		MACHINE+=(-chardev "stdio,id=out,signal=off" -device "virtconsole,chardev=out")
	else
		MACHINE+=(-chardev "file,id=out,path=$run/out" -device "virtserialport,chardev=out")
	fi
	share_options root / ,readonly=on
	share_options lab "$run"
	for i in "${!SHARES[@]}"; do
		share_options "share$i" "${SHARES[i]}"
	done
}

# The inside has written its results into $run itself.
emulator_results() {
	[ "$1" = 0 ]
}

emulator_notes() {
	:
}
