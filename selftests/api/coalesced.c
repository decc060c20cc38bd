// SPDX-License-Identifier: GPL-2.0
/* REGISTER/UNREGISTER_COALESCED_MMIO: guest writes queued in a ring. */
#include <pthread.h>
#include <time.h>

#include "fixture.h"

#define HOLE	0x20000000UL
#define RING	MINIVMM_COALESCED_MMIO_PAGE_OFFSET

static long zone_call(struct vm *vm, unsigned long cmd, __u64 addr, __u32 size, __u32 pio)
{
	struct minivmm_coalesced_mmio_zone zone = { .addr = addr, .size = size, .pio = pio };

	return call(vm->fd, cmd, &zone);
}

#define ADD(addr, size, pio) \
	zone_call(&self->vm, MINIVMM_REGISTER_COALESCED_MMIO, addr, size, pio)
#define DROP(addr, size, pio) \
	zone_call(&self->vm, MINIVMM_UNREGISTER_COALESCED_MMIO, addr, size, pio)

static struct minivmm_coalesced_mmio_ring *map_ring(struct vcpu *vcpu)
{
	void *ring = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, RING * PAGE);

	if (ring == MAP_FAILED)
		fatal("coalesced ring");
	return ring;
}

GUEST64(write_twice,
	"mov $0x20000000, %rdi; movl $7, (%rdi); movb $8, 9(%rdi); movl $9, 16(%rdi); hlt");

TEST_F(vm, writes_to_a_zone_are_queued)
{
	struct minivmm_coalesced_mmio_ring *ring;

	REQUIRE(self->vm.device, COALESCED_MMIO);
	ring = map_ring(&self->vcpu);
	ASSERT_EQ(0, ADD(HOLE, 16, 0));
	start_long(&self->vcpu, write_twice);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(HOLE + 16, self->vcpu.run->mmio.phys_addr);
	ASSERT_EQ(2, ring->last);
	EXPECT_EQ(0, ring->first);
	EXPECT_EQ(HOLE, ring->coalesced_mmio[0].phys_addr);
	EXPECT_EQ(4, ring->coalesced_mmio[0].len);
	EXPECT_EQ(7, ring->coalesced_mmio[0].data[0]);
	EXPECT_EQ(HOLE + 9, ring->coalesced_mmio[1].phys_addr);
	EXPECT_EQ(1, ring->coalesced_mmio[1].len);
	EXPECT_EQ(8, ring->coalesced_mmio[1].data[0]);
}

GUEST64(write_always, "mov $0x20000000, %rdi; 1: movl $7, (%rdi); jmp 1b");

struct runner {
	struct vcpu *vcpu;
	volatile bool stop;
};

/* Without a zone, each write comes back here. */
static void *run_always(void *arg)
{
	struct runner *runner = arg;

	while (!runner->stop && !vcpu_run(runner->vcpu))
		;
	return NULL;
}

TEST_F(vm, a_zone_that_is_gone_queues_nothing_any_more)
{
	struct minivmm_coalesced_mmio_ring *ring;
	struct runner runner = { .vcpu = &self->vcpu };
	time_t end = time(NULL) + 3;
	bool late = false, queued = false;
	pthread_t thread;
	__u32 last = 0, before;

	REQUIRE(self->vm.device, COALESCED_MMIO);
	ring = map_ring(&self->vcpu);
	start_long(&self->vcpu, write_always);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_always, &runner));
	while (time(NULL) < end && !late) {
		before = ring->last;
		ASSERT_EQ(0, ADD(HOLE, 16, 0));
		for (int i = 0; i < 10000 && *(volatile __u32 *)&ring->last == before; i++)
			if (i > 1000)
				usleep(10);	/* a busy host, which does not run the vCPU */
		ASSERT_EQ(0, DROP(HOLE, 16, 0));
		last = *(volatile __u32 *)&ring->last;
		queued |= last != before;
		ring->first = last;
		for (int i = 0; i < 1000 && !late; i++)
			late = *(volatile __u32 *)&ring->last != last;
	}
	runner.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_FALSE(late);
	EXPECT_TRUE(queued);
}

TEST_F(vm, full_ring_exits)
{
	struct minivmm_coalesced_mmio_ring *ring;

	REQUIRE(self->vm.device, COALESCED_MMIO);
	ring = map_ring(&self->vcpu);
	ASSERT_EQ(0, ADD(HOLE, 32, 0));
	ring->first = 3;
	ring->last = 1;
	start_long(&self->vcpu, write_twice);
	/* One free place, then the consumer's index is reached. */
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(HOLE + 9, self->vcpu.run->mmio.phys_addr);
	ring->first = 4;
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(3, ring->last);
}

TEST_F(vm, ring_wraps)
{
	struct minivmm_coalesced_mmio_ring *ring;

	REQUIRE(self->vm.device, COALESCED_MMIO);
	ring = map_ring(&self->vcpu);
	ASSERT_EQ(0, ADD(HOLE, 32, 0));
	ring->first = MINIVMM_COALESCED_MMIO_MAX - 1;
	ring->last = MINIVMM_COALESCED_MMIO_MAX - 1;
	start_long(&self->vcpu, write_twice);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(2, ring->last);
	EXPECT_EQ(HOLE + 16, ring->coalesced_mmio[1].phys_addr);
}

TEST_F(vm, indices_out_of_range_do_no_harm)
{
	struct minivmm_coalesced_mmio_ring *ring;

	REQUIRE(self->vm.device, COALESCED_MMIO);
	ring = map_ring(&self->vcpu);
	ASSERT_EQ(0, ADD(HOLE, 32, 0));
	ring->first = -1U;
	ring->last = -1U;
	start_long(&self->vcpu, write_twice);
	/* Queued somewhere in the ring or not at all: the guest goes on either way. */
	while (vcpu_run(&self->vcpu) == 0 && self->vcpu.run->exit_reason == MINIVMM_EXIT_MMIO)
		;
	EXPECT_EQ(MINIVMM_EXIT_HLT, self->vcpu.run->exit_reason);
}

TEST_F(vm, unregistered_zone_exits_again)
{
	REQUIRE(self->vm.device, COALESCED_MMIO);
	ASSERT_EQ(0, ADD(HOLE, 32, 0));
	ASSERT_EQ(0, DROP(HOLE, 32, 0));
	start_long(&self->vcpu, write_twice);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(HOLE, self->vcpu.run->mmio.phys_addr);
}

GUEST64(write_port, "mov $5, %al; out %al, $0x40; out %al, $0x41; hlt");

TEST_F(vm, port_zones_are_apart_from_memory_zones)
{
	struct minivmm_coalesced_mmio_ring *ring;

	REQUIRE(self->vm.device, COALESCED_PIO);
	ring = map_ring(&self->vcpu);
	ASSERT_EQ(0, ADD(0x41, 1, 0));
	ASSERT_EQ(0, ADD(0x40, 1, 1));
	start_long(&self->vcpu, write_port);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x41, self->vcpu.run->io.port);
	ASSERT_EQ(1, ring->last);
	EXPECT_EQ(1, ring->coalesced_mmio[0].pio);
	EXPECT_EQ(0x40, ring->coalesced_mmio[0].phys_addr);
	EXPECT_EQ(5, ring->coalesced_mmio[0].data[0]);
}

TEST_F(vm, impossible_zones_are_refused)
{
	REQUIRE(self->vm.device, COALESCED_MMIO);
	EXPECT_EQ(-EINVAL, ADD(HOLE, 16, 2));
	EXPECT_EQ(-EINVAL, DROP(HOLE, 16, 2));
	EXPECT_EQ(-EFAULT, call(self->vm.fd, MINIVMM_REGISTER_COALESCED_MMIO, BAD_POINTER));
}

TEST_HARNESS_MAIN
