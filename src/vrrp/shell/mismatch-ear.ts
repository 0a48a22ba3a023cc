/**
 * Hears the adverts that an instance cannot take: those without an authentication header where it wants one, and the
 * other way round. They are packets of another IP protocol, so its socket never sees them, and two nodes with different
 * settings would lead side by side without a word.
 */
import { EPOLL } from "../../sys/abi.ts";
import type { Loop, Watch } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { openRawSocket } from "../../sys/raw-socket.ts";
import { close, recv } from "../../sys/socket.ts";
import { bpf, filterAnswer, type Instruction } from "../../sys/socket-filter.ts";
import { AH_PROTOCOL } from "../../net/ah.ts";
import { PACKET_BYTES_MAX } from "../packet.ts";
import { VRRP_PROTOCOL } from "../wire.ts";
import type { AdvertSocketOptions } from "./advert-port.ts";

/** One packet proves the mismatch: a flood of them may be lost, and is left to the next turn. */
const RECEIVE_BUFFER_BYTES = 16 * 1024;
const PACKETS_PER_TURN = 16;

/** Packets with an authentication header around something else are somebody's IPsec. Its first byte says what is inside. */
const ONLY_ADVERTS_INSIDE: readonly Instruction[] = [
  { code: bpf.loadHeaderLengthToX, k: 0 },
  { code: bpf.loadByteAtX, k: 0 },
  { code: bpf.jumpIfEqual, k: VRRP_PROTOCOL, jumpFalse: 1 },
  { code: bpf.answer, k: filterAnswer.all },
  { code: bpf.answer, k: filterAnswer.none },
];

const incoming = pinned(PACKET_BYTES_MAX);

export class MismatchEar {
  private readonly fd: number;
  private readonly watch: Watch;

  /** `protocol` is the one that the instances do not speak. @throws SysError */
  constructor(loop: Loop, protocol: number, options: AdvertSocketOptions) {
    this.fd = openRawSocket({
      ...options,
      protocol,
      receiveBufferBytes: RECEIVE_BUFFER_BYTES,
      ...(protocol === AH_PROTOCOL ? { filter: ONLY_ADVERTS_INSIDE } : {}),
    });
    this.watch = loop.watch(this.fd, EPOLL.IN, () => {
      for (let count = 0; count < PACKETS_PER_TURN; count++) {
        const length = recv(this.fd, incoming.address, PACKET_BYTES_MAX, 0);
        if (length < 0) return;
        options.reports.mismatched(incoming.bytes, length);
      }
    });
  }

  close(): void {
    this.watch.close();
    close(this.fd);
  }
}
