/**
 * SCTP, which neither Bun nor Node.js speak: `sctp.ts serve NAME ADDRESS PORT` greets every association with its name,
 * `sctp.ts ask ADDRESS PORT COUNT` prints who greeted, one line for each association, or the error.
 */
import { AF, SOCK } from "../../../src/sys/abi.ts";
import { E } from "../../../src/sys/errno.ts";
import { pinnedAddress } from "../../../src/sys/libc.ts";
import * as sys from "../../../src/sys/socket.ts";

/** IPPROTO_SCTP, RFC 9260, section 3. */
const SCTP = 132;
const BACKLOG = 16;

const buffer = new Uint8Array(new ArrayBuffer(256));
const place = pinnedAddress(buffer);

function checked(what: string, result: number): number {
  if (result < 0) throw new Error(`${what}: errno ${-result}`);
  return result;
}

function open(): number {
  return checked("socket", sys.socket(AF.INET, SOCK.STREAM | SOCK.CLOEXEC, SCTP));
}

function target(address: string, port: string): sys.SocketTarget {
  return { kind: "inet", family: 4, host: address, port: Number(port) };
}

function serve(name: string, address: string, port: string): void {
  const listener = open();
  checked("bind", sys.bind(listener, target(address, port)));
  checked("listen", sys.listen(listener, BACKLOG));
  console.log("sctp ready");
  for (;;) {
    const fd = sys.accept(listener);
    // The runtime's own signals may interrupt it.
    if (fd === -E.INTR) continue;
    checked("accept", fd);
    const { written } = new TextEncoder().encodeInto(name, buffer);
    sys.send(fd, place, written, 0);
    sys.close(fd);
  }
}

function ask(address: string, port: string): string {
  const fd = open();
  const failed = sys.connect(fd, target(address, port));
  const received = failed < 0 ? failed : sys.recv(fd, place, buffer.length, 0);
  sys.close(fd);
  return received < 0 ? `errno ${-received}` : new TextDecoder().decode(buffer.slice(0, received));
}

const [order, ...words] = process.argv.slice(2);
if (order === "serve") serve(words[0]!, words[1]!, words[2]!);
else for (let count = Number(words[2]); count > 0; count--) console.log(ask(words[0]!, words[1]!));
