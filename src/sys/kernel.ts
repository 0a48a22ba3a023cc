/** The running kernel's version, for what it does not tell otherwise. Distributions carry features back: ask where one can. */
import { release } from "node:os";

export function kernelIsAtLeast(major: number, minor: number): boolean {
  const [ownMajor, ownMinor] = release()
    .split(".")
    .map((part) => Number.parseInt(part, 10));
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
