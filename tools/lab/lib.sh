# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the lab's commands share: places, the cache's rules, private apt.
#
# Everything downloaded or built lies under $CACHE, outside the tree. A thing
# there is made in a temporary folder beside its place, under a lock, and
# renamed when it is complete: what exists is whole, whoever was interrupted.

LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck disable=SC2034 # used by those who include this file
TOP=$(cd "$LAB/../.." && pwd -P)
# shellcheck disable=SC2034
BUILD=$(realpath -m "${MINIVMM_BUILD:-$TOP/build}")
CACHE=${MINIVMM_CACHE:-$HOME/.cache/minivmm}

die() {
	echo "${0##*/}: $*" >&2
	exit 125
}

note() {
	echo "${0##*/}: $*" >&2
}

# once PLACE COMMAND...: unless $CACHE/PLACE exists, run COMMAND with the name
# of an empty temporary folder appended, and rename that folder to PLACE.
once() {
	local place=$CACHE/$1 tmp lock
	shift
	[ -e "$place" ] && return
	mkdir -p "${place%/*}"
	exec {lock}>"$place.lock"
	flock "$lock"
	if [ ! -e "$place" ]; then
		tmp=$place.tmp
		rm -rf "$tmp"
		mkdir "$tmp"
		# In the background, since `||` would switch off its set -e.
		"$@" "$tmp" {lock}>&- >&2 &
		wait $! || die "$* failed (leftovers in $tmp)"
		mv "$tmp" "$place"
	fi
	exec {lock}>&-
}

# The machine's own mirror for RELEASE, as its apt configuration has it.
mirror() {
	local uri
	# shellcheck disable=SC2016 # the format is apt's
	uri=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
		sed -n "s/^$1 //p" | head -n 1)
	[ -n "$uri" ] || die "apt knows no mirror for $1: check the machine's apt sources"
	echo "$uri"
}

debian_release() {
	# shellcheck disable=SC1091 # not part of the tree
	(. /etc/os-release && echo "$VERSION_CODENAME")
}

# apt sources for kernel NAME: Debian 12's own, or the backports of a release.
apt_sources() {
	local key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]' own release
	own=$(debian_release)
	case $1 in
	6.1)
		echo "deb $key $(mirror "$own") bookworm main"
		echo "deb $key $(mirror "$own-security") bookworm-security main"
		return
		;;
	6.12) release=bookworm ;;
	7.x) release=trixie ;;
	esac
	echo "deb $key $(mirror "$own") $release main"
	echo "deb $key $(mirror "$own") $release-backports main"
}

# apt_private FOLDER COMMAND...: apt-get or apt-cache on FOLDER's own
# sources.list and state; nothing on this machine is read or changed.
apt_private() {
	local dir=$1 cmd=$2
	shift 2
	"$cmd" -qq -o Dir::State="$dir/state" -o Dir::State::status="$dir/status" \
		-o Dir::Cache="$dir/cache" -o Dir::Etc::sourcelist="$dir/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
		-o APT::Sandbox::User=root -o APT::Get::List-Cleanup=false "$@"
}

# Bochs takes disks of whole cylinders, Linux NVDIMMs of whole 2 MiB: 256 cylinders are 63 of these.
CYLINDER=$((16 * 63 * 512))

pad_image() {
	truncate -s "%$((CYLINDER * 256))" "$1"
}
