// SPDX-License-Identifier: GPL-2.0
/*
 * Run inside a guest by kill-writes: appends numbered records to FILE, from record FIRST on, each
 * made stable (O_DSYNC) before its number is printed. Ends only by an error.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RECORD_SIZE	512

int main(int argc, char **argv)
{
	char record[RECORD_SIZE + 1];
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: writer FILE FIRST\n");
		return 2;
	}
	fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_DSYNC, 0600);
	for (long number = atol(argv[2]); fd >= 0; number++) {
		snprintf(record, sizeof(record), "%0*ld\n", RECORD_SIZE - 1, number);
		if (write(fd, record, RECORD_SIZE) != RECORD_SIZE)
			break;
		printf("stable %ld\n", number);
		fflush(stdout);
	}
	perror(argv[1]);
	return 1;
}
