// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Puts the machine together and runs it; see machine.h. Everything here is on the main thread but
 * the requests to end, which set one outcome under the mutex and stop the loop.
 */
#include "machine.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "boot/boot.h"
#include "chip/fw_cfg_device.h"
#include "console.h"
#include "device.h"
#include "host.h"
#include "signals.h"
#include "text.h"
#include "vcpu.h"
#include "vm.h"

#define MAX_DEVICES	64

extern const struct device_type *const __start_minivmm_devices[];
extern const struct device_type *const __stop_minivmm_devices[];

enum outcome { OUTCOME_NONE, OUTCOME_STOP, OUTCOME_RESET, OUTCOME_FAIL };

struct machine_private {
	struct vcpu *vcpus[CONFIG_MAX_VCPUS];
	struct {
		const struct device_type *type;
		void *state;
	} devices[MAX_DEVICES];
	unsigned int device_count;
	int signal_fd;
	bool stopping;			/* the guest was asked to shut down. Main thread */
	struct loop_timer *stop_timer;	/* for a guest that does not */

	atomic_bool ending;
	pthread_mutex_t lock;	/* protects all below */
	enum outcome outcome;
	int status;
	struct error error;
};

static void request(struct machine *m, enum outcome outcome, int status, const struct error *err)
{
	struct machine_private *p = m->priv;

	pthread_mutex_lock(&p->lock);
	/* The first counts, but who asks for the end does not get a restart. */
	if (p->outcome == OUTCOME_NONE || (p->outcome == OUTCOME_RESET && outcome == OUTCOME_STOP)) {
		p->outcome = outcome;
		p->status = status;
		if (err)
			p->error = *err;
	}
	pthread_mutex_unlock(&p->lock);
	atomic_store(&p->ending, true);
	loop__stop(m->loop);
}

void machine__request_reset(struct machine *m)
{
	request(m, OUTCOME_RESET, STATUS_OK, NULL);
}

void machine__request_stop(struct machine *m, int status)
{
	request(m, OUTCOME_STOP, status, NULL);
}

void machine__request_fail(struct machine *m, const struct error *err)
{
	request(m, OUTCOME_FAIL, err->status, err);
}

bool machine__ending(const struct machine *m)
{
	return atomic_load(&m->priv->ending);
}

int machine__status(const struct machine *m)
{
	return m->priv->status;
}

void machine__phase(const struct machine *m, const char *fmt, ...)
{
	static uint64_t start;
	char text[256], line[512], escaped[1024];
	va_list ap;

	if (!start)
		start = loop__now();
	if (!m->config->verbose)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "%s: %llu ms: %s", m->config->name,
		 (unsigned long long)((loop__now() - start) / 1000000), text);
	text__escape(escaped, sizeof(escaped), line);
	fprintf(stderr, "%s\n", escaped);
}

static void stop_timed_out(void *ctx)
{
	machine__request_stop(ctx, STATUS_SIGNAL + SIGTERM);
}

/* SIGTERM asks the guest, as a power button does; the second one, or the time-out, does not ask. */
static void ask_to_stop(struct machine *m)
{
	struct machine_private *p = m->priv;

	/* No message: standard error may be a terminal that stands still, and the loop must not. */
	p->stopping = true;
	if (m->power_button)
		m->power_button(m->power_button_ctx);
	loop__timer_set(p->stop_timer, loop__now() + m->config->stop_timeout * 1000000000ULL, 0);
}

static void signal_received(void *ctx, int fd, uint32_t events)
{
	struct machine *m = ctx;
	struct signalfd_siginfo info;

	(void)events;
	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCONT)
			console__continued(m->console);
		else if (info.ssi_signo == SIGTERM && m->config->stop_timeout && !m->priv->stopping)
			ask_to_stop(m);
		else
			machine__request_stop(m, STATUS_SIGNAL + info.ssi_signo);
	}
}

/* The signals that ask us to end arrive at the loop, not at whatever thread is running. */
static int watch_signals(struct machine *m, struct error *err)
{
	m->priv->stop_timer = loop__timer_create(m->loop, stop_timed_out, m);
	m->priv->signal_fd = signals__open();
	if (!m->priv->stop_timer || m->priv->signal_fd < 0 ||
	    loop__add(m->loop, m->priv->signal_fd, EPOLLIN, signal_received, m) < 0)
		return error__errno(err, "cannot watch for signals");
	return 0;
}

static int compare_types(const void *a, const void *b)
{
	const struct device_type *x = *(const struct device_type *const *)a;
	const struct device_type *y = *(const struct device_type *const *)b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int create_devices(struct machine *m, struct error *err)
{
	size_t count = __stop_minivmm_devices - __start_minivmm_devices;
	struct machine_private *p = m->priv;
	const struct device_type *types[MAX_DEVICES];

	if (count > MAX_DEVICES)
		return error__set(err, STATUS_HOST, "more than %d device types", MAX_DEVICES);
	memcpy(types, __start_minivmm_devices, count * sizeof(types[0]));
	qsort(types, count, sizeof(types[0]), compare_types);
	for (size_t i = 0; i < count; i++) {
		void *state = NULL;

		if (types[i]->create(m, &state, err) < 0)
			return -1;
		if (!state)
			continue;
		p->devices[p->device_count].type = types[i];
		p->devices[p->device_count++].state = state;
	}
	return 0;
}

static void destroy_devices(struct machine *m)
{
	struct machine_private *p = m->priv;

	while (p->device_count--) {
		const struct device_type *type = p->devices[p->device_count].type;

		if (type->destroy)
			type->destroy(p->devices[p->device_count].state);
	}
}

static int create_vcpus(struct machine *m, struct error *err)
{
	vcpu__init_signal();
	for (unsigned int i = 0; i < m->config->vcpus; i++) {
		if (vcpu__create(&m->priv->vcpus[i], m, i, err) < 0)
			return -1;
	}
	return 0;
}

static int create_parts(struct machine *m, struct error *err)
{
	const struct config *config = m->config;

	if (vm__create(&m->vm, config->device, m->host->device, err) < 0 ||
	    loop__create(&m->loop, err) < 0 ||
	    watch_signals(m, err) < 0)
		return -1;
	machine__phase(m, "VM created on %s", config->device);

	if (memory__create(&m->memory, m->vm, config->memory, err) < 0 ||
	    bus__create(&m->pio, m->vm, BUS_PORTS, err) < 0 ||
	    bus__create(&m->mmio, m->vm, BUS_MEMORY, err) < 0 ||
	    irq__create(&m->irq, m->vm, err) < 0 ||
	    fw_cfg__create(&m->fw_cfg, m, err) < 0 ||
	    pci__create(&m->pci, m, err) < 0 ||
	    create_vcpus(m, err) < 0 ||
	    create_devices(m, err) < 0)
		return -1;
	machine__phase(m, "%u vCPU%s, %llu MiB, %u devices", config->vcpus,
		       config->vcpus > 1 ? "s" : "", (unsigned long long)(config->memory >> 20),
		       m->priv->device_count);

	if (config->kernel)
		return boot__kernel(m, m->priv->vcpus, err);
	return boot__firmware(m, err);
}

int machine__create(struct machine **out, const struct config *config, struct host *host,
		    struct console *console, struct error *err)
{
	struct machine *m = calloc(1, sizeof(*m));

	if (m)
		m->priv = calloc(1, sizeof(*m->priv));
	if (!m || !m->priv) {
		free(m);
		return error__errno(err, "cannot allocate the machine");
	}
	m->config = config;
	m->host = host;
	m->console = console;
	m->priv->signal_fd = -1;
	pthread_mutex_init(&m->priv->lock, NULL);
	machine__phase(m, "power on");
	if (create_parts(m, err) < 0) {
		machine__destroy(m);
		return -1;
	}
	*out = m;
	return 0;
}

void machine__destroy(struct machine *m)
{
	struct machine_private *p = m->priv;

	destroy_devices(m);
	for (unsigned int i = 0; i < CONFIG_MAX_VCPUS; i++)
		vcpu__destroy(p->vcpus[i]);
	pci__destroy(m->pci);
	fw_cfg__destroy(m->fw_cfg);
	irq__destroy(m->irq);
	bus__destroy(m->mmio);
	bus__destroy(m->pio);
	loop__timer_destroy(p->stop_timer);
	loop__destroy(m->loop);
	if (p->signal_fd >= 0)
		close(p->signal_fd);
	/* The VM goes before the memory that its slots name. */
	vm__destroy(m->vm);
	memory__destroy(m->memory);
	pthread_mutex_destroy(&p->lock);
	free(p);
	free(m);
}

static int start_vcpus(struct machine *m, struct error *err)
{
	for (unsigned int i = 0; i < m->config->vcpus; i++) {
		if (vcpu__start(m->priv->vcpus[i], err) < 0)
			return -1;
	}
	return 0;
}

static int run_vcpus(struct machine *m, struct error *err)
{
	struct machine_private *p = m->priv;
	int ret;

	signals__hold();
	ret = start_vcpus(m, err);
	machine__phase(m, "vCPUs started");
	if (!ret)
		ret = loop__run(m->loop, err);
	atomic_store(&p->ending, true);
	for (unsigned int i = 0; i < m->config->vcpus; i++)
		vcpu__join(p->vcpus[i]);
	/* A guest that restarts at once would leave the loop no time for it. */
	signal_received(m, p->signal_fd, EPOLLIN);
	/* Who was asked to shut down does not start again. */
	if (p->stopping)
		machine__request_stop(m, STATUS_SIGNAL + SIGTERM);
	signals__release();
	return ret;
}

int machine__run(struct machine *m, enum machine_end *end, struct error *err)
{
	struct machine_private *p = m->priv;

	if (run_vcpus(m, err) < 0)
		return -1;
	if (p->outcome == OUTCOME_FAIL) {
		*err = p->error;
		return -1;
	}
	*end = p->outcome == OUTCOME_RESET ? MACHINE_RESET : MACHINE_STOPPED;
	machine__phase(m, *end == MACHINE_RESET ? "reset" : "machine off");
	return 0;
}
