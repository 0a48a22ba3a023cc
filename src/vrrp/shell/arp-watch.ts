/**
 * Listens for ARP of others that claims one of our VIPs, and asks for the VIPs now and then: whoever answers holds them
 * too. One socket an interface, with a filter in the kernel: a busy network costs nothing.
 */
import { EPOLL } from "../../sys/abi.ts";
import { SysError } from "../../sys/errno.ts";
import type { Loop, Watch } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { openPacketReceiver, sendFrame } from "../../sys/packet-socket.ts";
import { close, recv } from "../../sys/socket.ts";
import { ARP_FRAME_BYTES, arpProbe, decodeArp, encodeArp, ETHERTYPE_ARP } from "../../net/arp.ts";
import type { NodeView } from "../../netlink/node-view.ts";
import { sameAddress } from "../../net/address.ts";
import { type Claim, claimOf } from "../conflict.ts";
import type { Vip } from "../settings.ts";

/** Where the sender's address stands in an ARP frame. */
const SENDER_OFFSET = 28;
const FRAME_BYTES_MAX = 128;
/** A flood leaves the rest to the next turn. */
const FRAMES_PER_TURN = 64;
const ETHERNET_ADDRESS_BYTES = 6;

const incoming = pinned(FRAME_BYTES_MAX);
const outgoing = pinned(ARP_FRAME_BYTES);

interface Ear {
  readonly fd: number;
  readonly watch: Watch;
  readonly index: number;
  /** The addresses that it listens for, as text. */
  readonly addresses: string;
}

export class ArpWatch {
  private readonly loop: Loop;
  private readonly view: NodeView;
  private readonly onClaim: (interfaceName: string, claim: Claim) => void;
  private readonly ears = new Map<string, Ear>();

  constructor(loop: Loop, view: NodeView, onClaim: (interfaceName: string, claim: Claim) => void) {
    this.loop = loop;
    this.view = view;
    this.onClaim = onClaim;
  }

  /** Listens for exactly these VIPs on their interfaces; those of IPv6 have no ARP. */
  listen(vips: readonly Vip[]): void {
    const wanted = Map.groupBy(
      vips.filter((vip) => vip.address.length === 4),
      (vip) => vip.interfaceName,
    );
    for (const [name, ear] of this.ears) {
      const isSame =
        this.view.link(name)?.index === ear.index && addressesText(wanted.get(name) ?? []) === ear.addresses;
      if (!isSame) this.drop(name, ear);
    }
    for (const [name, here] of wanted) if (!this.ears.has(name)) this.open(name, here);
  }

  /** Asks the link who has these VIPs. This node does not answer itself. */
  probe(vips: readonly Vip[]): void {
    for (const vip of vips) {
      const ear = this.ears.get(vip.interfaceName);
      const link = this.view.link(vip.interfaceName);
      if (ear === undefined || link === null || vip.address.length !== 4) continue;
      encodeArp(outgoing.bytes, arpProbe(link.mac, vip.address));
      sendFrame(ear.fd, link.index, outgoing.address, ARP_FRAME_BYTES);
    }
  }

  close(): void {
    for (const [name, ear] of this.ears) this.drop(name, ear);
  }

  private open(name: string, vips: readonly Vip[]): void {
    const link = this.view.link(name);
    if (link === null || link.loopback || link.mac.length !== ETHERNET_ADDRESS_BYTES) return;
    const words = vips.map((vip) => new DataView(Uint8Array.from(vip.address).buffer).getUint32(0, false));
    const filter = { offset: SENDER_OFFSET, words };
    const options = { interfaceIndex: link.index, etherType: ETHERTYPE_ARP, filter, subject: `ARP on ${name}` };
    try {
      const fd = openPacketReceiver(options);
      const watch = this.loop.watch(fd, EPOLL.IN, () => this.drain(name, fd));
      this.ears.set(name, { fd, watch, index: link.index, addresses: addressesText(vips) });
    } catch (error) {
      // The interface went away this very moment: its next change opens it again. It is a help, not the protocol.
      if (!(error instanceof SysError)) throw error;
    }
  }

  private drop(name: string, ear: Ear): void {
    ear.watch.close();
    close(ear.fd);
    this.ears.delete(name);
  }

  private drain(name: string, fd: number): void {
    for (let count = 0; count < FRAMES_PER_TURN; count++) {
      const length = recv(fd, incoming.address, FRAME_BYTES_MAX, 0);
      if (length < 0) return;
      const frame = decodeArp(incoming.bytes, length);
      const claim = frame.ok ? claimOf(frame.value) : null;
      // Our own frames come back on this socket, and those of our other interfaces on the same link.
      const isOwn = claim !== null && this.view.allLinks().some((link) => sameAddress(link.mac, claim.mac));
      if (claim !== null && !isOwn) this.onClaim(name, claim);
    }
  }
}

function addressesText(vips: readonly Vip[]): string {
  return vips.map((vip) => vip.address.join(".")).join(" ");
}
