/*
 * The LZ4 block format: literals and copies of what came before, by bytes, without an entropy
 * coder, so that unpacking is little more than copying.
 *
 * The format: lz4.org, doc/lz4_Block_format.md.
 */
#ifndef LIB_LZ4_H
#define LIB_LZ4_H

#include <arch/types.h>

#define LZ4_WORK_BYTES	4096u		/* that compressing needs, aligned to 8 */
#define LZ4_INPUT_MAX	65536u

/* n (up to LZ4_INPUT_MAX) bytes as one block; how many bytes it has, 0: it does not fit into max. */
size_t __must_check lz4_compress(const void *from, size_t n, void *to, size_t max, void *work);
/*
 * The block of n bytes unpacked; how many bytes it holds, -1: it is none, or it does not fit into
 * max. Whatever the block is, nothing outside of from and to is touched.
 */
ssize_t __must_check lz4_decompress(const void *from, size_t n, void *to, size_t max);

#endif
