/**
 * All bytes of the data plane, in one piece of pinned memory:
 *
 *   0        read scratch     64 KiB   every recv lands here; heads are parsed here
 *   64 KiB   write scratch    64 KiB   rewritten heads, answers
 *   128 KiB  blocks           16 KiB each, a LIFO pool
 *
 * Only what is left over after a turn (a partial head, an unsent tail, a request that may have to be sent again) is
 * copied into a block, so idle connections own none. An empty pool stops reading; it never grows.
 */
import { asPointer, libc } from "../../sys/libc.ts";
import { pinned } from "../../sys/memory.ts";

export const READ_AT = 0;
export const WRITE_AT = 64 * 1024;
const BLOCKS_AT = 128 * 1024;
/** HAProxy's tune.bufsize. Everything that one read brings fits into one block. */
export const BLOCK_BYTES = 16 * 1024;
/** HAProxy's tune.maxrewrite: room for what a rewritten head grows by. */
export const REWRITE_BYTES = 1024;
/** The most that one HTTP read takes. */
export const HTTP_READ_BYTES = BLOCK_BYTES - REWRITE_BYTES;

const MADV_DONTNEED = 4;
const PAGE_BYTES = 4096;
/** Blocks that stay warm in the pool when memory is given back. */
const WARM_BLOCKS = 64;

export class Arena {
  readonly bytes: Uint8Array;
  readonly address: number;
  readonly blockCount: number;
  private readonly free: Int32Array;
  private readonly touched: Uint8Array;
  private readonly blocksAt: number;
  private freeCount: number;

  constructor(blockCount: number) {
    const memory = pinned(BLOCKS_AT + PAGE_BYTES + blockCount * BLOCK_BYTES);
    this.bytes = memory.bytes;
    this.address = memory.address;
    this.blockCount = blockCount;
    // Blocks begin on a page so that whole ones can be given back to the kernel.
    this.blocksAt = BLOCKS_AT + ((PAGE_BYTES - ((memory.address + BLOCKS_AT) % PAGE_BYTES)) % PAGE_BYTES);
    this.free = Int32Array.from({ length: blockCount }, (_, i) => blockCount - 1 - i);
    this.touched = new Uint8Array(blockCount);
    this.freeCount = blockCount;
  }

  get freeBlocks(): number {
    return this.freeCount;
  }

  /** Offset of a block, or -1 when the pool is empty. */
  acquire(): number {
    if (this.freeCount === 0) return -1;
    const index = this.free[--this.freeCount]!;
    this.touched[index] = 1;
    return this.blocksAt + index * BLOCK_BYTES;
  }

  release(offset: number): void {
    this.free[this.freeCount++] = ((offset - this.blocksAt) / BLOCK_BYTES) | 0;
  }

  /** Gives the memory of blocks that lie unused back to the kernel; call it on a slow timer. Answers how many. */
  trim(countMax: number): number {
    let given = 0;
    for (let i = 0; i < this.freeCount - WARM_BLOCKS && given < countMax; i++) {
      const index = this.free[i]!;
      if (this.touched[index] === 0) continue;
      this.touched[index] = 0;
      libc.madvise(asPointer(this.address + this.blocksAt + index * BLOCK_BYTES), BLOCK_BYTES, MADV_DONTNEED);
      given++;
    }
    return given;
  }
}
