/**
 * Memory that the kernel may write to. A small typed array lives inside the collector's heap and moves; its address
 * goes stale and the kernel then writes into freed memory. An explicit ArrayBuffer is allocated outside and stays.
 * Every pinned buffer is kept alive for the life of the process: allocate at start, never per connection.
 */
import { asPointer, pinnedAddress, type Pointer } from "./libc.ts";

export interface Pinned {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: number;
  /** The address as FFI wants it. */
  readonly pointer: Pointer;
}

const alive: Pinned[] = [];

/** `byteLength` bytes of zeroed memory whose address never changes. Untouched pages of a large one cost nothing. */
export function pinned(byteLength: number): Pinned {
  const bytes = new Uint8Array(new ArrayBuffer(byteLength));
  const address = pinnedAddress(bytes);
  const memory: Pinned = { bytes, view: new DataView(bytes.buffer), address, pointer: asPointer(address) };
  alive.push(memory);
  return memory;
}

/** True when every pinned buffer still stands where it stood; the self-test at start and the conformance test call it. */
export function pinnedMemoryIsStable(): boolean {
  return alive.every((memory) => pinnedAddress(memory.bytes) === memory.address);
}
