/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The test's own device, as guest programs see it: memory-mapped bytes without RAM
 * behind them, a log of the accesses, ports that make the host do something. Plain
 * numbers only: read by host and guest.
 */
#ifndef GUEST_DEVICE_H
#define GUEST_DEVICE_H

/* Number of the case to run and of vCPUs, written by the host. */
#define CASE_NUMBER	0x80000UL
#define CASE_VCPUS	0x80004UL
/* travel.c: set when the guest has been moved often enough. */
#define CASE_FINISH	0x80008UL

/* Bytes that keep what is written, two pages; reads and writes exit to the host. */
#define DEVICE		0x20000000UL
#define DEVICE_SIZE	0x2000UL
/* The RAM right below the device: the last page of slot 1. */
#define RAM_BELOW	(DEVICE - 0x1000UL)

/* Accesses since DEVICE_LOG_COUNT was cleared by the guest, 8 bytes each. */
#define DEVICE_LOG_COUNT 0x81000UL
#define DEVICE_LOG	0x81008UL
#define DEVICE_LOG_SIZE	64
#define LOG_ENTRY(offset, size, write)	((unsigned long)(offset) << 16 | (size) << 8 | (write))

/* 32-bit outputs. */
#define PORT_LINE	0x500		/* gsi | level << 16 */
#define PORT_NMI	0x504		/* to this vCPU */
#define PORT_MSI	0x508		/* data | destination << 16 */
#define PORT_WAKE	0x50c		/* the irqfd of this gsi is signalled 50 ms later */
#define PORT_TAKE	0x510		/* reads: number of ioeventfd signals since the last read */

/* Inputs and outputs of all sizes: a queue of 4 KiB, read in the order written. */
#define PORT_QUEUE	0x520

/* travel.c: 32 bits; reads give 1, 2, 3 ... and so must be what is written. */
#define PORT_SEQUENCE	0x530

/* 32-bit writes here are taken by an ioeventfd if the value is EVENT_VALUE. */
#define EVENT_ADDRESS	(DEVICE + 0x1800)
#define EVENT_VALUE	0x1234

#endif
