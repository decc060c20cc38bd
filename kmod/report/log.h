/* SPDX-License-Identifier: GPL-2.0 */
/* One way to talk to the kernel log: one line, "minivmm: ..." in front. */
#ifndef MINIVMM_REPORT_LOG_H
#define MINIVMM_REPORT_LOG_H

#include <linux/printk.h>

#define log_err(fmt, ...)	printk(KERN_ERR "minivmm: " fmt "\n", ##__VA_ARGS__)
#define log_info(fmt, ...)	printk(KERN_INFO "minivmm: " fmt "\n", ##__VA_ARGS__)

#endif /* MINIVMM_REPORT_LOG_H */
