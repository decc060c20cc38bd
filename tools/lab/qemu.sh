# shellcheck shell=bash disable=SC2034,SC2054,SC2154 # variables shared with tools/lab/run
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The AMD host: QEMU's software emulation. Included by tools/lab/run; see there
# for the variables and for what an emulator's file provides.
#
# Files come by 9p and output goes to a virtio port, which QEMU's own threads serve
# when they get to it. With --icount, where two runs must be the same, files are on
# NVDIMMs (disks.sh), memory to the guest, and output goes to a serial port.

emulator_name=QEMU

emulator_defaults() {
	CPUS=${CPUS:-2}
	# Without ERMS: QEMU stores byte by byte, which is slow without end where code was.
	CPU=${CPU:-EPYC-Milan,-erms,-fsrm}
	KVM=kvm_amd
	[ $ICOUNT = no ] || icount_defaults
	[ -z "$INSTRUMENT" ] || die "--instrument is for --host intel and amd-strict"
}

icount_defaults() {
	CPUS=1
	[ $SHELL_MODE = no ] || die "--icount is for a COMMAND: a terminal's keys come when they come"
	[ "$KERNEL" != debug ] || die "--icount: kernel debug has no driver of NVDIMMs"
}

emulator_settings() {
	local out=/dev/vport0p1
	# Once awake, QEMU has forgotten the port that turns it off.
	[ $SLEEP = no ] || printf '%s=%q\n' END reboot
	[ $ICOUNT = no ] || { disk_settings && return; }
	[ $SHELL_MODE = no ] || out=/dev/hvc0
	printf '%s=%q\n' OUT $out FILES 9p
}

share_options() {
	local tag=$1 path=${2//,/,,} extra=${3:-}
	MACHINE+=(-fsdev "local,id=$tag,path=$path,security_model=none,multidevs=remap$extra"
		-device "virtio-9p-pci,fsdev=$tag,mount_tag=$tag")
}

machine_of_files() {
	MACHINE+=(-accel tcg,thread=multi,tb-size=512 -machine q35 -m "$MEM" -device virtio-serial-pci
		-append "console=ttyS0 lab_files=9p $PARAMETERS"
		-initrd "$("$LAB/initramfs" "$KERNEL" virtio_pci virtio_console 9pnet_virtio 9p overlay)")
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

# nvdimm NAME MEMORY-OPTIONS DEVICE-OPTIONS: the disk NAME.
nvdimm() {
	MACHINE+=(-object "memory-backend-file,id=$1,mem-path=$run/$1,size=$(stat -L -c %s "$run/$1"),$2"
		-device "nvdimm,memdev=$1$3")
}

# Without what depends on other threads or the time of day.
machine_of_disks() {
	local name clock=vm
	[ $SLEEP = no ] || clock=host # the alarm has to come while no instruction is executed
	make_disks
	MACHINE+=(-accel tcg,thread=single,tb-size=512 -machine q35,nvdimm=on -m "$MEM,slots=${#DISKS[@]},maxmem=16G"
		-icount "shift=0,sleep=off" -seed 1 -rtc "base=2026-01-01T00:00:00,clock=$clock"
		-append "console=ttyS0 lab_files=nvdimm $PARAMETERS"
		-initrd "$("$LAB/initramfs" "$KERNEL" nfit nd_pmem squashfs overlay)" -serial "file:$run/out")
	for name in "${DISKS[@]}"; do
		case $name in
		results) nvdimm "$name" share=on '' ;;
		*) nvdimm "$name" share=off,readonly=on ,unarmed=on ;;
		esac
	done
}

emulator_prepare() {
	local image=$kernel/vmlinux
	[ ! -e "$kernel/bzImage" ] || image=$kernel/bzImage
	# QEMU loads the other a second time when the machine wakes, over the kernel's data.
	[ $SLEEP = no ] || image=$(echo "$kernel"/boot/vmlinuz-*)
	MACHINE=("$("$LAB/qemu")" -L /usr/share/qemu -L /usr/share/seabios -nodefaults -no-user-config
		-cpu "$CPU,check=off" -smp "$CPUS" -display none -no-reboot -serial "file:$run/serial" -kernel "$image")
	case $ICOUNT in
	no)
		machine_of_files
		[ $SHELL_MODE = yes ] || MACHINE=("$LAB/qemu-watch" "$run" "${MACHINE[@]}")
		;;
	yes) machine_of_disks ;;
	esac
}

# By 9p, the inside has written its results into $run itself.
emulator_results() {
	[ $ICOUNT = no ] || fetch_disk_results
	[ "$1" = 0 ]
}

emulator_notes() {
	[ ! -s "$run/cpus" ] || note "what QEMU knew of its CPUs when the machine stood still: $run/cpus"
}
