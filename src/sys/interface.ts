/** Network interfaces by name (if_nametoindex(3)), for those who do not follow netlink. */
import { libc } from "./libc.ts";
import { pinned } from "./memory.ts";

/** IFNAMSIZ, with the final zero. */
const NAME_BYTES = 16;
const scratch = pinned(NAME_BYTES);

/** The kernel's number of the interface; 0: there is none of that name. */
export function interfaceIndex(name: string): number {
  const text = new TextEncoder().encode(name);
  if (text.length >= NAME_BYTES) return 0;
  scratch.bytes.fill(0);
  scratch.bytes.set(text);
  return libc.if_nametoindex(scratch.pointer);
}
