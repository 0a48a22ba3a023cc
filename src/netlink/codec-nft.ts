/**
 * nf_tables messages (linux/netfilter/nf_tables.h, nfnetlink.h): tables, chains, sets and their elements; rules are in
 * `codec-nft-rule.ts`. A batch is one transaction: the kernel does all of it or nothing. Numbers in attributes are
 * big-endian, those of the headers are the machine's.
 *
 *   nlmsghdr (type = subsystem << 8 | message), then nfgenmsg:   0 family u8   1 version u8   2 resource u16 big-endian
 */
import { decodeError, decodeMessages, messageFlag, messageType, MessageWriter } from "./codec.ts";
import { assert, unreachable } from "../lib/result.ts";
import { encodeRuleBody, type NftExpression } from "./codec-nft-rule.ts";

/** linux/netfilter/nfnetlink.h: NFNL_MSG_BATCH_*, NFNL_SUBSYS_NFTABLES. */
const batchType = { begin: 16, end: 17 } as const;
const SUBSYSTEM = 10;
/** linux/netfilter.h: NFPROTO_INET, both families in one table. */
const FAMILY_INET = 1;

/** NFT_MSG_*. */
const nftType = {
  newTable: 0,
  deleteTable: 2,
  newChain: 3,
  newRule: 6,
  newSet: 9,
  newElements: 12,
  deleteElements: 14,
} as const;

/** linux/netlink.h: NLA_F_NESTED, NLM_F_APPEND. */
const NESTED = 0x8000;
const APPEND = 0x800;

/** NFTA_TABLE_*, NFTA_CHAIN_*, NFTA_HOOK_*, NFTA_RULE_*, NFTA_SET_*, NFTA_SET_ELEM_LIST_*, NFTA_SET_ELEM_*. */
const tableAttribute = { name: 1, flags: 2, userData: 6 } as const;
const chainAttribute = { table: 1, name: 3, hook: 4, policy: 5, type: 7 } as const;
const hookAttribute = { number: 1, priority: 2 } as const;
const ruleAttribute = { table: 1, chain: 2, expressions: 4, userData: 7 } as const;
const setAttribute = { table: 1, name: 2, flags: 3, keyType: 4, keyBytes: 5, id: 10, userData: 13 } as const;
const listAttribute = { table: 1, set: 2, elements: 3, setId: 4 } as const;
const ELEMENT_KEY = 1;
const DATA_VALUE = 1;

/** NFT_TABLE_F_OWNER (kernel 5.12): nobody else may change the table, and it goes when our socket is closed. */
const TABLE_OWNED = 2;
/** linux/netfilter.h: NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_ACCEPT. */
const hookNumber = { input: 1, output: 3 } as const;
const POLICY_ACCEPT = 1;

/**
 * Set keys as the program nft numbers them (its include/datatype.h): it needs them to print elements; six bits for each
 * part. `order`: 2 is big-endian, 0 none in particular.
 */
const setKeys = {
  ipv4: { type: 7, bytes: 4, order: 2 },
  ipv6: { type: 8, bytes: 16, order: 2 },
  ipv6_and_interface: { type: (8 << 6) | 41, bytes: 32, order: 0 },
} as const;
export type NftSetKey = keyof typeof setKeys;

/** libnftnl's udata.h: a comment is item 0 of tables and rules, the byte order of keys item 0 of sets. */
const USER_ITEM = 0;

/** Elements of one message: its length is a 16-bit number. */
const ELEMENTS_PER_MESSAGE = 128;

/** `id`: number of a set, by which elements and rules of the same transaction know it. */
export type NftMessage =
  | { readonly kind: "add_table"; readonly table: string; readonly owned: boolean; readonly comment: string }
  | { readonly kind: "delete_table"; readonly table: string }
  | {
      readonly kind: "add_chain";
      readonly table: string;
      readonly chain: string;
      readonly priority: number;
      /** Absent: input. */
      readonly hook?: keyof typeof hookNumber;
    }
  | {
      readonly kind: "add_set";
      readonly table: string;
      readonly set: string;
      readonly id: number;
      readonly key: NftSetKey;
    }
  | {
      readonly kind: "add_rule";
      readonly table: string;
      readonly chain: string;
      readonly expressions: readonly NftExpression[];
      readonly comment: string;
    }
  | {
      readonly kind: "add_elements" | "delete_elements";
      readonly table: string;
      readonly set: string;
      readonly id: number;
      readonly keys: readonly Uint8Array[];
    };

/**
 * Writes one transaction. Sequence numbers: `first` for its beginning, then one for each message. The last message asks
 * to be acknowledged; refusals come for each that caused one.
 */
export function encodeBatch(writer: MessageWriter, messages: readonly NftMessage[], first: number): void {
  assert(messages.length > 0, "nftables: an empty transaction");
  encodeBoundary(writer, batchType.begin, first);
  messages.forEach((message, i) => {
    const flags = messageFlag.request | (i === messages.length - 1 ? messageFlag.ack : 0);
    encodeMessage(writer, message, flags, first + 1 + i);
  });
  encodeBoundary(writer, batchType.end, first + 1 + messages.length);
}

/** In portions that fit into one message each. */
export function elementMessages(
  kind: "add_elements" | "delete_elements",
  table: string,
  { set, id }: { readonly set: string; readonly id: number },
  keys: readonly Uint8Array[],
): readonly NftMessage[] {
  const messages: NftMessage[] = [];
  for (let at = 0; at < keys.length; at += ELEMENTS_PER_MESSAGE) {
    messages.push({ kind, table, set, id, keys: keys.slice(at, at + ELEMENTS_PER_MESSAGE) });
  }
  return messages;
}

/** What one datagram from the kernel says: for each sequence number in it the errno, 0 for an acknowledgement. */
export function decodeAnswers(
  bytes: Uint8Array,
  length: number,
): readonly { readonly sequence: number; readonly errno: number }[] | null {
  const messages = decodeMessages(bytes, length);
  if (!messages.ok) return null;
  const answers: { readonly sequence: number; readonly errno: number }[] = [];
  for (const message of messages.value) {
    if (message.type !== messageType.error) continue;
    const code = decodeError(bytes, message);
    if (!code.ok) return null;
    answers.push({ sequence: message.sequence, errno: code.value });
  }
  return answers;
}

function encodeBoundary(writer: MessageWriter, type: number, sequence: number): void {
  writer.begin(type, messageFlag.request, sequence);
  writer.u8(0);
  writer.u8(0);
  writer.u16(SUBSYSTEM << 8);
  writer.end();
}

function begin(writer: MessageWriter, type: number, flags: number, sequence: number): void {
  writer.begin((SUBSYSTEM << 8) | type, flags, sequence);
  writer.u8(FAMILY_INET);
  writer.u8(0);
  writer.u16(0);
}

function encodeMessage(writer: MessageWriter, message: NftMessage, flags: number, sequence: number): void {
  switch (message.kind) {
    case "add_table":
      begin(writer, nftType.newTable, flags, sequence);
      writer.attributeText(tableAttribute.name, message.table);
      writer.attribute(tableAttribute.flags, be32(message.owned ? TABLE_OWNED : 0));
      writer.attribute(tableAttribute.userData, userText(message.comment));
      break;
    case "delete_table":
      begin(writer, nftType.deleteTable, flags, sequence);
      writer.attributeText(tableAttribute.name, message.table);
      break;
    case "add_chain":
      begin(writer, nftType.newChain, flags | messageFlag.create, sequence);
      encodeChainBody(writer, message);
      break;
    case "add_set":
      begin(writer, nftType.newSet, flags | messageFlag.create, sequence);
      encodeSetBody(writer, message);
      break;
    case "add_rule":
      begin(writer, nftType.newRule, flags | messageFlag.create | APPEND, sequence);
      writer.attributeText(ruleAttribute.table, message.table);
      writer.attributeText(ruleAttribute.chain, message.chain);
      writer.nested(ruleAttribute.expressions | NESTED, () => encodeRuleBody(writer, message.expressions));
      writer.attribute(ruleAttribute.userData, userText(message.comment));
      break;
    case "add_elements":
      begin(writer, nftType.newElements, flags | messageFlag.create, sequence);
      encodeElements(writer, message);
      break;
    case "delete_elements":
      begin(writer, nftType.deleteElements, flags, sequence);
      encodeElements(writer, message);
      break;
    default:
      return unreachable(message);
  }
  writer.end();
}

/** A base chain on the way to the node's own sockets, or from them. */
function encodeChainBody(writer: MessageWriter, message: Extract<NftMessage, { kind: "add_chain" }>): void {
  writer.attributeText(chainAttribute.table, message.table);
  writer.attributeText(chainAttribute.name, message.chain);
  writer.attributeText(chainAttribute.type, "filter");
  writer.attribute(chainAttribute.policy, be32(POLICY_ACCEPT));
  writer.nested(chainAttribute.hook | NESTED, () => {
    writer.attribute(hookAttribute.number, be32(hookNumber[message.hook ?? "input"]));
    writer.attribute(hookAttribute.priority, be32(message.priority));
  });
}

function encodeSetBody(writer: MessageWriter, message: Extract<NftMessage, { kind: "add_set" }>): void {
  const { type, bytes, order } = setKeys[message.key];
  writer.attributeText(setAttribute.table, message.table);
  writer.attributeText(setAttribute.name, message.set);
  writer.attribute(setAttribute.flags, be32(0));
  writer.attribute(setAttribute.keyType, be32(type));
  writer.attribute(setAttribute.keyBytes, be32(bytes));
  writer.attribute(setAttribute.id, be32(message.id));
  writer.attribute(setAttribute.userData, Uint8Array.of(USER_ITEM, 4, order, 0, 0, 0));
}

function encodeElements(
  writer: MessageWriter,
  message: Extract<NftMessage, { kind: "add_elements" | "delete_elements" }>,
): void {
  assert(message.keys.length <= ELEMENTS_PER_MESSAGE, "nftables: too many elements for one message");
  writer.attributeText(listAttribute.table, message.table);
  writer.attributeText(listAttribute.set, message.set);
  if (message.kind === "add_elements") writer.attribute(listAttribute.setId, be32(message.id));
  writer.nested(listAttribute.elements | NESTED, () => {
    message.keys.forEach((key, i) => {
      // The kernel does not look at the numbers; nft gives them.
      writer.nested((i + 1) | NESTED, () =>
        writer.nested(ELEMENT_KEY | NESTED, () => writer.attribute(DATA_VALUE, key)),
      );
    });
  });
}

/** A comment as nft reads it: item, length with its zero byte, text. */
function userText(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(`${text}\0`);
  assert(bytes.length <= 128, "nftables: a comment has 127 characters at most");
  return Uint8Array.of(USER_ITEM, bytes.length, ...bytes);
}

export function be32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}
