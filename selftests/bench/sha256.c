// SPDX-License-Identifier: GPL-2.0
/*
 * A CPU-bound program: SHA-256 of 64 MiB that it first writes. Prints what its
 * whole run cost by the time-stamp counter, and the digest. As a guest's first
 * process it then powers the guest off.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>
#include <x86intrin.h>

#define SIZE	(64u << 20)

static uint32_t round_constants[64];
static uint32_t state[8];

/* The first 32 bits of the fraction of @x's root of degree @degree, 2 or 3. */
static uint32_t root_fraction(unsigned int x, int degree)
{
	unsigned __int128 wanted = (unsigned __int128)x << (degree == 2 ? 64 : 96);
	uint64_t low = 0, high = 1ull << 37, middle;

	while (high - low > 1) {
		unsigned __int128 power;

		middle = low + (high - low) / 2;
		power = (unsigned __int128)middle * middle;
		if (degree == 3)
			power *= middle;
		if (power <= wanted)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The constants are roots of the first primes. */
static void sha256_init(void)
{
	unsigned int found = 0, candidate, divisor;

	for (candidate = 2; found < 64; candidate++) {
		for (divisor = 2; candidate % divisor; divisor++)
			;
		if (divisor != candidate)
			continue;
		if (found < 8)
			state[found] = root_fraction(candidate, 2);
		round_constants[found++] = root_fraction(candidate, 3);
	}
}

static uint32_t rotate(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void sha256_block(const uint8_t *block)
{
	uint32_t w[64], s[8], t1, t2;
	int i;

	for (i = 0; i < 16; i++) {
		memcpy(&w[i], block + 4 * i, 4);
		w[i] = __builtin_bswap32(w[i]);
	}
	for (; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
			(rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
			(rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(s, state, sizeof(s));
	for (i = 0; i < 64; i++) {
		t1 = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
			((s[4] & s[5]) ^ (~s[4] & s[6])) + round_constants[i] + w[i];
		t2 = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
			((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof(s[0]));
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (i = 0; i < 8; i++)
		state[i] += s[i];
}

/* The padding of a message of SIZE bytes, which ends at a block's end. */
static void sha256_end(void)
{
	uint8_t block[64] = { 0x80 };
	uint64_t bits = __builtin_bswap64(SIZE * 8ull);

	memcpy(block + 56, &bits, 8);
	sha256_block(block);
}

int main(void)
{
	uint64_t start = __rdtsc();
	uint8_t *data = malloc(SIZE);
	size_t i;

	if (!data)
		return 1;
	for (i = 0; i < SIZE; i++)
		data[i] = i * 7 + (i >> 12);
	sha256_init();
	for (i = 0; i < SIZE; i += 64)
		sha256_block(data + i);
	sha256_end();
	printf("cost %llu ", (unsigned long long)(__rdtsc() - start));
	for (i = 0; i < 8; i++)
		printf("%08x", state[i]);
	puts("");
	fflush(stdout);
	return getpid() == 1 ? reboot(RB_POWER_OFF) : 0;
}
