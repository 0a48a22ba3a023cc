/** The adverts of one instance: what they say, where they go on each path, and the sequence number of their authentication headers. */
import type { VrrpWill } from "../../ipc/messages.ts";
import { errnoText } from "../../sys/errno.ts";
import type { Seal } from "../packet.ts";
import type { PathName } from "../paths.ts";
import { destinations, type InstanceSettings, speaksOver } from "../settings.ts";
import { willPacket } from "../will.ts";
import { type Advert, AUTH_BYTES, authType, priority } from "../wire.ts";
import type { AdvertPort } from "./advert-port.ts";
import type { SocketUse } from "./receiver.ts";

/** The field of an advert whose authentication stands in a header of its own. */
const NO_PASSWORD = new Uint8Array(AUTH_BYTES);

/** Adverts, of one a second at most, between two wills: the status that brings them comes every second. */
const WILL_STEP = 4096;

export class AdvertSender {
  settings: InstanceSettings;
  private readonly socket: (settings: InstanceSettings, use: SocketUse) => AdvertPort | string;
  /** The highest that was heard or sent: one for the whole virtual router, as keepalived counts. */
  private sequence = 0;
  private heardSequence = 0;

  constructor(settings: InstanceSettings, socket: (settings: InstanceSettings, use: SocketUse) => AdvertPort | string) {
    this.settings = settings;
    this.socket = socket;
  }

  /**
   * An advert with this number or a lower one was there before. The number of our own last one is not among them: two
   * nodes that are elected at once count alike, and each must hear the other (keepalived takes equal numbers as well).
   */
  get lastSequence(): number {
    return Math.max(this.heardSequence, this.sequence - 1);
  }

  /** Of an advert that was accepted, and so was no lower than any before. */
  heard(sequence: number): void {
    this.sequence = this.heardSequence = sequence;
  }

  /** Null, or why nobody was reached on this path. With several unicast peers one that was reached is enough. */
  send(path: PathName, advertPriority: number, source: Uint8Array | null): string | null {
    const socket = this.socket(this.settings, path === "main" ? "speaks" : path);
    if (typeof socket === "string") return socket;
    if (source === null) return "no address to send from";
    const advert = this.advert(advertPriority);
    let reached = false;
    let refusal = "no peer is configured";
    for (const destination of destinations(this.settings, path)) {
      const sent = socket.send(advert, { source, destination }, this.seal(this.sequence + 1));
      this.sequence++;
      if (sent >= 0) reached = true;
      else refusal = errnoText(sent);
    }
    return reached ? null : refusal;
  }

  /** What the supervisor sends on this path when this process has died. */
  goodbyes(path: PathName, source: Uint8Array | null): VrrpWill["packets"] {
    const interfaceName = speaksOver(this.settings, path);
    if (source === null || interfaceName === null) return [];
    const advert = this.advert(priority.resign);
    // Ahead of every advert until the next will, and the same for many of them: it is told on each change.
    const seal = this.seal((Math.floor(this.sequence / WILL_STEP) + 2) * WILL_STEP);
    return destinations(this.settings, path).map((destination) =>
      willPacket(this.settings.family, interfaceName, advert, { source, destination }, seal),
    );
  }

  private advert(advertPriority: number): Advert {
    const { params } = this.settings;
    return {
      version: params.version,
      virtualRouterId: this.settings.virtualRouterId,
      priority: advertPriority,
      intervalMs: params.advertIntervalMs,
      addressBytes: this.settings.family === 4 ? 4 : 16,
      addresses: this.settings.advertised,
      auth: this.auth(),
    };
  }

  private auth(): Advert["auth"] {
    const { password, sealed } = this.settings;
    if (password === null) return null;
    return sealed ? { type: authType.ah, data: NO_PASSWORD } : { type: authType.pass, data: password };
  }

  private seal(sequence: number): Seal | null {
    const { password, sealed } = this.settings;
    return sealed && password !== null ? { key: password, sequence } : null;
  }
}
