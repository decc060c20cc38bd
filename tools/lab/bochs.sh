# shellcheck shell=bash disable=SC2034,SC2154 # variables shared with tools/lab/run
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Intel host and the strict AMD host: Bochs. Included by tools/lab/run; see
# there for the variables and for what an emulator's file provides.
#
# There is no 9p: what the inside sees are copies on read-only disks, made once
# (bochs-root) or per run, and its results come back on a disk of their own, as
# a tar file. Kernel, initramfs and parameters lie in RAM from the start, where
# an option ROM (bochs-rom.S) finds them.

emulator_name=Bochs
INITRD_ADDRESS=0x8000000
PARAMETERS_ADDRESS=0x7f00000
IPS=100000000
BIOS=/usr/share/bochs/BIOS-bochs-latest
VGABIOS=/usr/share/vgabios/vgabios.bin

emulator_defaults() {
	CPUS=${CPUS:-1}
	case $HOST in
	intel) CPU=${CPU:-corei7_skylake_x} KVM=kvm_intel ;;
	amd-strict) CPU=${CPU:-ryzen} KVM=kvm_amd ;;
	esac
	[ $ICOUNT = no ] || die "--icount is for --host amd: with one CPU, Bochs always counts"
	[ $SHELL_MODE = no ] || die "--shell is for --host amd"
}

emulator_settings() {
	printf '%s=%q\n' OUT /dev/ttyS1 FILES disk MODULES ''
}

little_endian() {
	local bytes=$1 value=$2 i
	for ((i = 0; i < bytes; i++)); do
		# shellcheck disable=SC2059 # the format is what is printed
		printf "\\x$(printf %02x $((value >> 8 * i & 255)))"
	done
}

# Where the kernel's image begins, and its PVH entry point.
kernel_address() {
	readelf -lW "$kernel/vmlinux" | awk '$1 == "LOAD" { print $4; exit }'
}

pvh_entry() {
	readelf -nW "$kernel/vmlinux" |
		sed -n 's/.*(0x00000012).*data: \(..\) \(..\) \(..\) \(..\) .*/0x\4\3\2\1/p'
}

# The entry point, then start info, one module entry and the command line.
boot_parameters() {
	local info=$((PARAMETERS_ADDRESS + 8)) size=$1
	local modules=$((info + 56)) line=$((info + 56 + 32))
	little_endian 8 "$(pvh_entry)"
	little_endian 4 $((0x336ec578))		# magic
	little_endian 4 1			# version
	little_endian 4 0			# flags
	little_endian 4 1			# one module: the initramfs
	little_endian 8 $modules
	little_endian 8 $line
	little_endian 8 0			# ACPI tables: where the BIOS puts them
	little_endian 8 $((0x5000))		# memory map, by the ROM
	little_endian 8 0			# its length, by the ROM
	little_endian 8 $((INITRD_ADDRESS))
	little_endian 8 "$size"
	little_endian 16 0
	printf '%s\0' "console=ttyS0,115200 tsc_early_khz=$((IPS / 1000)) lab_files=disk lab_run=$run $PARAMETERS"
}

build_flat_kernel() {
	objcopy -O binary "$1" "$2/image"
}

assemble_rom() {
	cpp -P -DCHECKSUM="$1" "$LAB/bochs-rom.S" | as --32 -o "$run/rom.o" -
	objcopy -O binary "$run/rom.o" "$run/rom"
}

# The BIOS takes a ROM whose bytes add up to 0.
make_rom() {
	assemble_rom 0
	assemble_rom $((256 - $(od -An -v -t u1 -w1 "$run/rom" | awk '{ s += $1 } END { print s % 256 }')))
}

# Everything of this run at its own path: what the inside reads, and the shares.
make_run_disk() {
	local file files=() roots=("${SHARES[@]#/}")
	for file in init settings shares command minivmm.ko; do
		[ ! -e "$run/$file" ] || files+=("$run/$file")
	done
	mksquashfs "${files[@]}" "${SHARES[@]}" "$run/disk" -quiet -no-progress -no-strip \
		-noI -noD -noF -noX -no-exports -wildcards \
		-e "${roots[@]/%//.git}" '... *.o' '... .*.cmd' >&2 || die "mksquashfs failed"
	pad_image "$run/disk"
}

disk_line() {
	local cylinders=$(($(stat -L -c %s "$2") / CYLINDER))
	echo "$1: type=disk, path=$2, mode=flat, cylinders=$cylinders, heads=16, spt=63"
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
		cpu: model=$CPU, count=$CPUS, ips=$IPS, reset_on_triple_fault=0, $(cpu_options)
		memory: guest=$MEM, host=$MEM
		romimage: file=$BIOS
		vgaromimage: file=$VGABIOS
		optromimage1: file=$run/rom, address=0xd0000
		optramimage1: file=$flat, address=$(kernel_address)
		optramimage2: file=$initramfs, address=$INITRD_ADDRESS
		optramimage3: file=$run/parameters, address=$PARAMETERS_ADDRESS
		vga: extension=none, update_freq=1, realtime=0
		clock: sync=none, time0=946681200
		pci: enabled=1, chipset=i440fx
		ata0: enabled=1
		ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
		$(disk_line ata0-master "$run/base")
		$(disk_line ata0-slave "$run/modules")
		$(disk_line ata1-master "$run/disk")
		$(disk_line ata1-slave "$run/results")
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
	bochs=$("$LAB/bochs" $version)
	ln -s "$("$LAB/bochs-root" base)" "$run/base"
	ln -s "$("$LAB/bochs-root" modules "$KERNEL")" "$run/modules"
	flat=bochs/kernel-$KERNEL-$(cat "$kernel/release")
	once "$flat" build_flat_kernel "$kernel/vmlinux"
	flat=$CACHE/$flat/image
	initramfs=$("$LAB/initramfs" "$KERNEL" ata_piix sd_mod squashfs overlay)
	make_rom
	boot_parameters "$(stat -c %s "$initramfs")" >"$run/parameters"
	make_run_disk
	truncate -s $((CYLINDER * 64)) "$run/results"
	bochs_settings >"$run/bochsrc"
	MACHINE=("$bochs" -q -f "$run/bochsrc")
}

# A power-off ends Bochs like an error.
emulator_results() {
	tar -x -f "$run/results" -C "$run" 2>/dev/null || true
	grep -q 'soft power off' "$run/bochs.log"
}

# What Bochs refused: VM entries above all.
emulator_notes() {
	local ticks
	ticks=$(tail -n 1 "$run/bochs.log" | grep -o '^[0-9]*') || true
	note "$((10#${ticks:-0})) instructions"
}
