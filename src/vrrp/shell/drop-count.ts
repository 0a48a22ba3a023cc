/** How many packets a socket has lost since somebody looked last: one question to the kernel each time it is read. */
import { droppedPackets } from "../../sys/socket-drops.ts";

export class DropCount {
  private readonly fd: number;
  private known = 0;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Packets lost since the last call. */
  take(): number {
    const total = droppedPackets(this.fd);
    if (total === null) return 0;
    const lost = (total - this.known) >>> 0;
    this.known = total;
    return lost;
  }
}
