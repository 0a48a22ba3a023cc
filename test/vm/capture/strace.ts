/**
 * Netlink messages out of what `strace -e write=all -e read=all` writes: the whole bytes of every sendmsg and recvmsg as
 * hex dumps. Port ids and sequence numbers differ in each run and are set to zero, so that captures can be compared.
 */

const HEADER_BYTES = 16;
/** linux/netlink.h, linux/genetlink.h */
const NLMSG_ERROR = 2;
const GENL_ID_CTRL = 16;

export interface Message {
  readonly sent: boolean;
  /** One netlink message with its header. */
  readonly hex: string;
}

interface Transfer {
  readonly sent: boolean;
  readonly bytes: number[];
}

function transfersOf(trace: string): Transfer[] {
  const transfers: Transfer[] = [];
  let current: Transfer | null = null;
  for (const line of trace.split("\n")) {
    const call = /^(sendmsg|sendto|recvmsg|recvfrom)\(/.exec(line);
    if (call !== null) {
      // libnl looks at a message before it takes it.
      const peeked = line.includes("MSG_PEEK") || / = -1 /.test(line);
      current = peeked ? null : { sent: call[1]!.startsWith("send"), bytes: [] };
      if (current !== null) transfers.push(current);
      continue;
    }
    const dump = /^ \| [0-9a-f]{5,}  (.{49})/.exec(line);
    if (dump !== null && current !== null) {
      for (const byte of dump[1]!.trim().split(/\s+/)) current.bytes.push(Number.parseInt(byte, 16));
    }
  }
  return transfers;
}

/** The messages of the trace in order, without the talk about the family's number. */
export function messagesOf(trace: string): Message[] {
  const messages: Message[] = [];
  let lookup = "";
  for (const { sent, bytes } of transfersOf(trace)) {
    const view = new DataView(Uint8Array.from(bytes).buffer);
    for (let offset = 0; offset + HEADER_BYTES <= bytes.length;) {
      const length = view.getUint32(offset, true);
      const type = view.getUint16(offset + 4, true);
      const conversation = `${view.getUint32(offset + 8, true)} ${view.getUint32(offset + 12, true)}`;
      if (sent && type === GENL_ID_CTRL) lookup = conversation;
      if (conversation !== lookup) {
        const message = bytes.slice(offset, offset + length).map((byte) => byte.toString(16).padStart(2, "0"));
        message.fill("00", 8, HEADER_BYTES);
        // An acknowledgement repeats the request's header behind its error number.
        if (type === NLMSG_ERROR) message.fill("00", HEADER_BYTES + 12, HEADER_BYTES + 20);
        messages.push({ sent, hex: message.join("") });
      }
      offset += (Math.max(length, HEADER_BYTES) + 3) & ~3;
    }
  }
  return messages;
}
