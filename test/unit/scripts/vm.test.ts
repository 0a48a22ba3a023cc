import { describe, expect, test } from "bun:test";
import { loadOrder } from "../../../scripts/vm/initramfs.ts";
import { withConsole } from "../../../scripts/vm/machine.ts";
import { messagesOf } from "../../vm/capture/strace.ts";

const MODULES_DEP = `kernel/fs/9p/9p.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz
kernel/fs/netfs/netfs.ko.xz:
kernel/net/9p/9pnet.ko.xz: kernel/fs/netfs/netfs.ko.xz
kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz
`;

describe("loadOrder", () => {
  test("names what a module needs before it, each file once", () => {
    expect(loadOrder(MODULES_DEP, ["9p", "9pnet_virtio"])).toEqual([
      "kernel/fs/netfs/netfs.ko.xz",
      "kernel/net/9p/9pnet.ko.xz",
      "kernel/fs/9p/9p.ko.xz",
      "kernel/net/9p/9pnet_virtio.ko.xz",
    ]);
  });

  test("leaves out what is built into the kernel", () => {
    expect(loadOrder(MODULES_DEP, ["virtio_pci"])).toEqual([]);
  });
});

describe("withConsole", () => {
  test("gives the machine the terminal and drops the monitor", () => {
    expect(withConsole(["qemu", "-monitor", "none", "-serial", "stdio", "-nic", "none"])).toEqual(
      "qemu -serial mon:stdio -nic none".split(" "),
    );
  });
});

/** Two calls as strace 6.1 writes them: the family's number is asked for, then a request and its acknowledgement. */
const TRACE = `sendmsg(3, {…}, 0) = 20
 * 20 bytes in buffer 0
 | 00000  14 00 00 00 10 00 05 00  01 00 00 00 aa 00 00 00  ................ |
 | 00010  03 01 00 00                                       ....             |
recvmsg(3, {…}, 0) = 20
 * 20 bytes in buffer 0
 | 00000  14 00 00 00 10 00 00 00  01 00 00 00 aa 00 00 00  ................ |
 | 00010  01 02 00 00                                       ....             |
sendmsg(3, {…}, 0) = 20
 * 20 bytes in buffer 0
 | 00000  14 00 00 00 23 00 05 00  02 00 00 00 aa 00 00 00  ....#........... |
 | 00010  11 01 00 00                                       ....             |
recvmsg(3, {…}, MSG_PEEK|MSG_TRUNC) = 36
 * 36 bytes in buffer 0
 | 00000  24 00 00 00 02 00 00 01  02 00 00 00 aa 00 00 00  $............... |
recvmsg(3, {…}, 0) = 36
 * 36 bytes in buffer 0
 | 00000  24 00 00 00 02 00 00 01  02 00 00 00 aa 00 00 00  $............... |
 | 00010  00 00 00 00 14 00 00 00  23 00 05 00 02 00 00 00  ........#....... |
 | 00020  aa 00 00 00                                       ....             |
`;

describe("messagesOf", () => {
  test("keeps requests and answers, without peeks and the family's lookup, with port and sequence as 0", () => {
    expect(messagesOf(TRACE)).toEqual([
      { sent: true, hex: "1400000023000500000000000000000011010000" },
      { sent: false, hex: "240000000200000100000000000000000000000014000000230005000000000000000000" },
    ]);
  });
});
