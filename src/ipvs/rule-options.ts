/** The options of ipvsadm(8) on one line: taken apart, each by its key, with its value. */
import { err, ok, type Result } from "../lib/result.ts";
import { didYouMean } from "../lib/suggest.ts";

/** Every option by all its names; `values`: words that follow, "?" one that may. */
const options = [
  { key: "tcp", names: ["-t", "--tcp-service"], values: 1 },
  { key: "udp", names: ["-u", "--udp-service"], values: 1 },
  { key: "sctp", names: ["--sctp-service"], values: 1 },
  { key: "fwmark", names: ["-f", "--fwmark-service"], values: 1 },
  { key: "ipv6", names: ["-6", "--ipv6"], values: 0 },
  { key: "scheduler", names: ["-s", "--scheduler"], values: 1 },
  { key: "flags", names: ["-b", "--sched-flags"], values: 1 },
  { key: "persistent", names: ["-p", "--persistent"], values: "?" },
  { key: "netmask", names: ["-M", "--netmask"], values: 1 },
  { key: "engine", names: ["--pe"], values: 1 },
  { key: "onePacket", names: ["-o", "--ops"], values: 0 },
  { key: "server", names: ["-r", "--real-server"], values: 1 },
  { key: "dr", names: ["-g", "--gatewaying"], values: 0 },
  { key: "tun", names: ["-i", "--ipip"], values: 0 },
  { key: "nat", names: ["-m", "--masquerading"], values: 0 },
  { key: "weight", names: ["-w", "--weight"], values: 1 },
  { key: "upper", names: ["-x", "--u-threshold"], values: 1 },
  { key: "lower", names: ["-y", "--l-threshold"], values: 1 },
  { key: "tunType", names: ["--tun-type"], values: 1 },
  { key: "tunPort", names: ["--tun-port"], values: 1 },
  { key: "tunNoChecksum", names: ["--tun-nocsum"], values: 0 },
  { key: "tunChecksum", names: ["--tun-csum"], values: 0 },
  { key: "tunRemoteChecksum", names: ["--tun-remcsum"], values: 0 },
  { key: "interface", names: ["--mcast-interface"], values: 1 },
  { key: "syncId", names: ["--syncid"], values: 1 },
  { key: "syncMaxBytes", names: ["--sync-maxlen"], values: 1 },
  { key: "group", names: ["--mcast-group"], values: 1 },
  { key: "syncPort", names: ["--mcast-port"], values: 1 },
  { key: "ttl", names: ["--mcast-ttl"], values: 1 },
  { key: "numeric", names: ["-n", "--numeric"], values: 0 },
] as const;

export type Option = (typeof options)[number];
/** Option → its value; "" for one that stands alone. */
export type Found = ReadonlyMap<Option["key"], string>;

/** Error: what is wrong, as a sentence's end. */
export function takeOptions(words: readonly string[]): Result<Found, string> {
  const found = new Map<Option["key"], string>();
  for (let at = 0; at < words.length; at++) {
    const [name, inline] = splitInline(words[at] ?? "");
    const option = options.find((each) => (each.names as readonly string[]).includes(name));
    if (option === undefined) {
      return err(
        `"${words[at]}" is no option of ipvsadm${nearest(
          name,
          options.flatMap((each) => each.names),
        )}`,
      );
    }
    if (found.has(option.key)) return err(`${name} stands there twice`);
    const next = words[at + 1];
    if (option.values === 0) {
      found.set(option.key, "");
    } else if (inline !== null) {
      found.set(option.key, inline);
    } else if (option.values === "?") {
      const has = next !== undefined && /^\d+$/.test(next);
      found.set(option.key, has ? next : "");
      if (has) at++;
    } else {
      if (next === undefined) return err(`${name} wants a value`);
      found.set(option.key, next);
      at++;
    }
  }
  return ok(found);
}

function splitInline(word: string): readonly [name: string, inline: string | null] {
  const equals = word.indexOf("=");
  return word.startsWith("--") && equals > 0 ? [word.slice(0, equals), word.slice(equals + 1)] : [word, null];
}

/** Single letters are all alike: only long words are compared. */
export function nearest(word: string, names: readonly string[]): string {
  return word.startsWith("--")
    ? didYouMean(
        word,
        names.filter((name) => name.startsWith("--")),
      )
    : "";
}
