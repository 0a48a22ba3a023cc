/** How far the kernel has got with what was written to a TCP socket. */
import { SOL, TCP } from "./abi.ts";
import { pinned } from "./memory.ts";
import { readOption } from "./socket.ts";

export interface Delivery {
  /** Our FIN stands behind the last byte in the kernel: both arrive without us, unless the socket is reset. */
  readonly isQueued: boolean;
  /** The peer's kernel acknowledged everything, our FIN too; or the connection is over. */
  readonly isComplete: boolean;
  /** Bytes that the peer's kernel acknowledged so far: while this grows the peer reads. */
  readonly ackedBytes: number;
}

/** include/net/tcp_states.h */
const TCP_STATE = { ESTABLISHED: 1, FIN_WAIT2: 5, TIME_WAIT: 6, CLOSE: 7, CLOSE_WAIT: 8 } as const;
/** struct tcp_info of include/uapi/linux/tcp.h: the state is its first byte. */
const BYTES_ACKED_AT = 120;
const INFO_BYTES = 128;

/** A Unix socket knows none of this: what was written to it stands at the receiver already. */
const ARRIVED: Delivery = { isQueued: true, isComplete: true, ackedBytes: 0 };
const info = pinned(INFO_BYTES);

export function deliveryOf(fd: number): Delivery {
  info.bytes.fill(0);
  if (readOption(fd, SOL.TCP, TCP.INFO, info) < 0) return ARRIVED;
  const state = info.bytes[0];
  return {
    isQueued: state !== TCP_STATE.ESTABLISHED && state !== TCP_STATE.CLOSE_WAIT,
    isComplete: state === TCP_STATE.FIN_WAIT2 || state === TCP_STATE.TIME_WAIT || state === TCP_STATE.CLOSE,
    ackedBytes: Number(info.view.getBigUint64(BYTES_ACKED_AT, true)),
  };
}
