/*
 * The types of the machine. Frame numbers, physical addresses, table entries
 * and swap entries are one-member structs, so that the compiler refuses to
 * mix them; virtual addresses are integers, user pointers carry __user and
 * are touched only through <arch/uaccess.h>.
 */
#ifndef ARCH_TYPES_H
#define ARCH_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define __must_check		__attribute__((warn_unused_result))
#define __noreturn		__attribute__((noreturn))
#define __printf(f, a)		__attribute__((format(printf, f, a)))
#define __always_inline_	inline __attribute__((always_inline))
#define __cold_			__attribute__((cold))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))

/* A pointer into user space: an address to hand to user copy, never to follow. */
#ifdef __CHECKER__
#define __user	__attribute__((noderef, address_space(1)))
#else
#define __user
#endif

typedef uintptr_t vaddr_t;
typedef int64_t ssize_t;

typedef struct { uint64_t v; } paddr_t;		/* physical address, bytes */
typedef struct { uint64_t v; } pfn_t;		/* physical frame number, 4 KB units */
typedef struct { uint64_t v; } pte_t;		/* one entry of a table of any level */
typedef struct { uint64_t v; } swp_t;		/* a slot of a swap device, packed */

#define PAGE_SHIFT	12
#define PAGE_SIZE	4096ul
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#define HUGE_SHIFT	21
#define HUGE_SIZE	(1ul << HUGE_SHIFT)	/* 2 MB */
#define GIANT_SHIFT	30
#define GIANT_SIZE	(1ul << GIANT_SHIFT)	/* 1 GB */

#define ALIGN_DOWN(x, a)	((x) & ~((__typeof__(x))(a) - 1))
#define ALIGN_UP(x, a)		ALIGN_DOWN((x) + ((a) - 1), a)
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)
#define MIN(a, b)		((a) < (b) ? (a) : (b))
#define MAX(a, b)		((a) > (b) ? (a) : (b))

static inline paddr_t paddr(uint64_t v) { return (paddr_t){ v }; }
static inline pfn_t pfn(uint64_t v) { return (pfn_t){ v }; }
static inline pfn_t paddr_to_pfn(paddr_t p) { return (pfn_t){ p.v >> PAGE_SHIFT }; }
static inline paddr_t pfn_to_paddr(pfn_t f) { return (paddr_t){ f.v << PAGE_SHIFT }; }

#endif
