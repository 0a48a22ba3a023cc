/** `accept` and `heartbeat` of [vrrp.NAME]. */
import type { NormaliseContext } from "./normalise-context.ts";
import { pick } from "./normalise-context.ts";
import type { Path } from "./schema-issue.ts";
import { plain } from "./schema-table.ts";
import type { Decoded } from "./schema-type.ts";
import { authRows, vrrpRows } from "./schema-vrrp.ts";
import type { VrrpConfig } from "./types-vrrp.ts";

type WrittenVrrp = Decoded<typeof vrrpRows>;

/** RFC 9568, section 6.1: Accept_Mode; the owner of the addresses always takes what is meant for them. */
const OWNER_PRIORITY = 255;

export function normaliseAccept(value: WrittenVrrp, at: Path, context: NormaliseContext): Pick<VrrpConfig, "accept"> {
  if (pick(vrrpRows.accept, value.accept)) return {};
  if (value.priority === OWNER_PRIORITY) {
    const help = "use a lower priority, or leave accept out";
    context.sink.error([...at, "accept"], "the owner of the addresses (priority 255) cannot drop what is for them", {
      help,
    });
  }
  return { accept: false };
}

export function normaliseHeartbeat(
  value: WrittenVrrp,
  family: 4 | 6,
  at: Path,
  context: NormaliseContext,
): Pick<VrrpConfig, "heartbeat"> {
  const written = value.heartbeat;
  if (written?.interface === undefined) return {};
  const place = [...at, "heartbeat"];
  if (written.interface === value.interface) {
    const help = "a second way has to be another network: what breaks one should not break the other";
    context.sink.error([...place, "interface"], `${written.interface} is the instance's own interface`, { help });
  }
  if (pick(authRows.type, value.auth?.type) === "ah") {
    // A copy that overtakes the other would make it a replay (RFC 2402, section 3.4.3).
    context.sink.error(place, 'does not go with auth.type = "ah": adverts of two ways arrive out of order', {
      mark: "key",
      help: 'use auth.type = "pass", or version = 3',
    });
  }
  const peers = written.peers === undefined ? null : plain(written.peers);
  const addresses = [
    [["source"], written.source],
    ...(peers ?? []).map((peer, index) => [["peers", index], peer] as const),
  ] as const;
  for (const [path, text] of addresses) {
    if (text === undefined || (text.includes(":") ? 6 : 4) === family) continue;
    context.sink.error([...place, ...path], `${text} does not fit the instance, whose addresses are IPv${family}`);
  }
  const source = written.source ?? null;
  if (peers?.length === 0) context.sink.error([...place, "peers"], "names no peer");
  if (source !== null && peers?.includes(source)) {
    context.sink.error([...place, "peers"], `has its own source ${source}`);
  }
  return { heartbeat: { interface: written.interface, source, peers } };
}
