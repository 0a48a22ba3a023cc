/** Network interfaces by name (if_nametoindex(3)), for those who do not follow netlink. */
import { libc } from "./libc.ts";
import { pinned } from "./memory.ts";

/** The kernel's number of the interface; 0: there is none of that name. */
export function interfaceIndex(name: string): number {
  const text = new TextEncoder().encode(`${name}\0`);
  const memory = pinned(text.length);
  memory.bytes.set(text);
  return libc.if_nametoindex(memory.pointer);
}
