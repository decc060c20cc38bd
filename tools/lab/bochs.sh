# shellcheck shell=bash disable=SC2034,SC2154 # variables shared with tools/lab/run
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Intel host and the strict AMD host: Bochs. Included by tools/lab/run; see
# there for the variables and for what an emulator's file provides.
#
# There is no 9p: files are on disks (disks.sh). Kernel, initramfs and parameters
# lie in RAM from the start, where an option ROM (bochs-rom.S) finds them.

emulator_name=Bochs
IPS=100000000
BIOS=/usr/share/bochs/BIOS-bochs-latest
VGABIOS=/usr/share/vgabios/vgabios.bin

emulator_defaults() {
	CPUS=${CPUS:-1}
	case $HOST in
	intel) CPU=${CPU:-corei7_skylake_x} KVM=kvm_intel ;;
	amd-strict) CPU=${CPU:-ryzen} KVM=kvm_amd ;;
	esac
	[ $SLEEP = no ] || die "--sleep is for --host amd: Bochs has no S3"
	[ $ICOUNT = no ] || die "--icount is for --host amd: with one CPU, Bochs always counts"
	[ $SHELL_MODE = no ] || die "--shell is for --host amd"
	[[ $MEM -le 2048 ]] || die "--mem $MEM: Bochs has at most 2048 MiB"
	[ -z "$INSTRUMENT" ] || instrument_defaults
}

# A kernel that finds one CPU takes the LOCK prefixes out of its code.
instrument_defaults() {
	[ "$CPUS" = 1 ] || die "--instrument is for one CPU"
	(: >"$INSTRUMENT") 2>/dev/null || die "--instrument $INSTRUMENT: cannot write this file"
	INSTRUMENT=$(realpath "$INSTRUMENT")
	PARAMETERS+=" noreplace-smp"
}

emulator_settings() {
	disk_settings
}

# Where the kernel's image begins, and where it is entered.
kernel_address() {
	readelf -lW "$kernel/vmlinux" | awk '$1 == "LOAD" { print $4; exit }'
}

kernel_entry() {
	readelf -hW "$kernel/vmlinux" | sed -n 's/.*Entry point address: *//p'
}

address_of() {
	echo "$1" | cpp -P -include "$LAB/bochs-parameters.h"
}

build_flat_kernel() {
	objcopy -O binary "$1" "$2/image"
}

# assemble NAME DEFINITION...: bochs-NAME.S as plain bytes in $run/NAME.
assemble() {
	local name=$1
	shift
	cpp -P "${@/#/-D}" "$LAB/bochs-$name.S" | as -o "$run/$name.o" -
	objcopy -O binary "$run/$name.o" "$run/$name"
}

# The BIOS sets IA32_FEATURE_CONTROL to "VMX on, locked" (or $5, %eax; wrmsr). Another firmware's
# setting is "off, locked".
make_bios() {
	[[ $CPU == *,-vmx ]] || { ln -s $BIOS "$run/bios" && return; }
	LC_ALL=C sed 's/\x83\xc8\x05\x0f\x30/\x83\xc8\x01\x0f\x30/g' $BIOS >"$run/bios"
	! cmp -s $BIOS "$run/bios" || die "$BIOS does not set VMX as expected"
}

# The BIOS takes a ROM whose bytes add up to 0.
make_rom() {
	assemble rom CHECKSUM=0
	assemble rom "CHECKSUM=$(od -An -v -t u1 -w1 "$run/rom" | awk '{ s -= $1 } END { print s % 256 + 256 * (s % 256 < 0) }')"
}

# $1 is the size of the initramfs.
make_parameters() {
	printf %s "console=ttyS0,115200 intel_pstate=disable tsc_early_khz=$((IPS / 1000)) lab_files=ata $PARAMETERS" \
		>"$run/line"
	assemble parameters "ENTRY=$(kernel_entry)" "INITRAMFS_SIZE=$1" "LINE=\"$run/line\""
}

# disk_line PLACE NAME: the file $run/NAME; boot-init knows it by its name.
disk_line() {
	local cylinders=$(($(stat -L -c %s "$run/$2") / CYLINDER))
	echo "$1: type=disk, model=$2, path=$run/$2, mode=flat, cylinders=$cylinders, heads=16, spt=63"
}

cpu_options() {
	case $HOST in
	intel) echo "ignore_bad_msrs=0, msrs=$LAB/bochs-msrs" ;;
	amd-strict) echo "ignore_bad_msrs=1" ;;
	esac
}

bochs_settings() {
	cat <<-SETTINGS
		display_library: nogui
		cpu: model=${CPU%,-vmx}, count=$CPUS, ips=$IPS, reset_on_triple_fault=0, $(cpu_options)
		memory: guest=$MEM, host=$MEM
		romimage: file=$run/bios, options=fastboot
		vgaromimage: file=$VGABIOS
		optromimage1: file=$run/rom, address=0xd0000
		optramimage1: file=$flat, address=$(kernel_address)
		optramimage2: file=$initramfs, address=$(address_of INITRAMFS)
		optramimage3: file=$run/parameters, address=$(address_of PARAMETERS)
		vga: extension=none, update_freq=1, realtime=0
		clock: sync=none, time0=1767225600
		pci: enabled=1, chipset=i440fx
		ata0: enabled=1
		ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
		$(disk_line ata0-master base)
		$(disk_line ata0-slave modules)
		$(disk_line ata1-master run)
		$(disk_line ata1-slave results)
		boot: disk
		com1: enabled=1, mode=file, dev=$run/serial
		com2: enabled=1, mode=file, dev=$run/out
		log: $run/bochs.log
		panic: action=fatal
		error: action=report
		info: action=report
		debug: action=ignore
	SETTINGS
}

emulator_prepare() {
	local version=one bochs flat initramfs
	[ "$CPUS" = 1 ] || version=many
	[ -z "$INSTRUMENT" ] || version=counting
	bochs=$("$LAB/bochs" $version)
	flat=bochs/kernel-${kernel##*/}-$(cat "$kernel/release")
	once "$flat" build_flat_kernel "$kernel/vmlinux"
	flat=$CACHE/$flat/image
	initramfs=$("$LAB/initramfs" "$KERNEL" ata_piix sd_mod squashfs overlay)
	make_bios
	make_rom
	make_parameters "$(stat -c %s "$initramfs")"
	make_disks
	bochs_settings >"$run/bochsrc"
	MACHINE=(env "LAB_COUNTS=$INSTRUMENT" "$bochs" -q -f "$run/bochsrc")
}

# A power-off ends Bochs like an error.
emulator_results() {
	fetch_disk_results
	grep -q 'soft power off' "$run/bochs.log"
}

# Bochs names the rule that a refused VM entry breaks.
emulator_notes() {
	local ticks refused
	ticks=$(tail -n 1 "$run/bochs.log" | grep -o '^[0-9]*') || true
	note "$((10#${ticks:-0})) instructions"
	[ -z "$INSTRUMENT" ] || [ -s "$INSTRUMENT" ] || note "$INSTRUMENT is empty: no mark was set"
	[ "$1" != 0 ] || return 0
	refused=$(grep -aoE '(VMFAIL|VMENTER|VMEXIT ABORT|VMRUN|SvmInject).*' "$run/bochs.log" | sort | uniq -c |
		sort -rn | head -n 15) || true
	[ -z "$refused" ] || note "refused by Bochs, with how often:"$'\n'"$refused"
	note "Bochs's log: $run/bochs.log"
}
