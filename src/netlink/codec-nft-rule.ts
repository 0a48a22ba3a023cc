/**
 * Expressions of an nf_tables rule (linux/netfilter/nf_tables.h). A rule is a list of them: loads fill a register,
 * comparisons and look-ups end the rule when they do not hold, a verdict ends the chain. Each stands in the message as
 *
 *   list element { name text, data { attributes of that kind } }
 */
import { unreachable } from "../lib/result.ts";
import type { MessageWriter } from "./codec.ts";

/** linux/netlink.h: NLA_F_NESTED. */
const NESTED = 0x8000;

/** NFTA_LIST_ELEM, NFTA_EXPR_*, NFTA_META_*, NFTA_PAYLOAD_*, NFTA_CMP_*, NFTA_LOOKUP_*, NFTA_IMMEDIATE_*, NFTA_DATA_*. */
const LIST_ELEMENT = 1;
const expressionAttribute = { name: 1, data: 2 } as const;
const metaAttribute = { into: 1, key: 2 } as const;
const payloadAttribute = { into: 1, base: 2, offset: 3, length: 4 } as const;
const compareAttribute = { from: 1, operation: 2, data: 3 } as const;
const lookupAttribute = { set: 1, from: 2, setId: 4 } as const;
const immediateAttribute = { into: 1, data: 2 } as const;
const dataAttribute = { value: 1, verdict: 2 } as const;
const VERDICT_CODE = 1;

/** NFT_META_*, NFT_PAYLOAD_*_HEADER, NFT_CMP_EQ, NFT_REG_VERDICT. */
const metaKey = { interface: 4, interface_name: 6, outgoing_interface_name: 7, family: 15, protocol: 16 } as const;
const payloadBase = { network: 1, transport: 2 } as const;
const COMPARE_EQUAL = 0;
const REGISTER_VERDICT = 0;
/** linux/netfilter.h: NF_DROP, NF_ACCEPT. */
const verdictCode = { drop: 0, accept: 1 } as const;

/** Registers 1 and 2 hold 16 bytes each, one after the other: an address in 1 and a name in 2 are one key of 32. */
export type NftRegister = 1 | 2;

export type NftExpression =
  | { readonly kind: "meta"; readonly key: keyof typeof metaKey; readonly into: NftRegister }
  | {
      readonly kind: "payload";
      readonly base: keyof typeof payloadBase;
      readonly offset: number;
      readonly length: number;
      readonly into: NftRegister;
    }
  /** Goes on if the register begins with these bytes. */
  | { readonly kind: "equal"; readonly from: NftRegister; readonly value: Uint8Array }
  /** Goes on if the set has what the register holds. */
  | { readonly kind: "lookup"; readonly from: NftRegister; readonly set: string; readonly setId: number }
  | { readonly kind: "counter" }
  | { readonly kind: "verdict"; readonly verdict: keyof typeof verdictCode };

/** The content of a rule's list of expressions. */
export function encodeRuleBody(writer: MessageWriter, expressions: readonly NftExpression[]): void {
  for (const expression of expressions) {
    writer.nested(LIST_ELEMENT | NESTED, () => {
      writer.attributeText(expressionAttribute.name, nameOf(expression));
      writer.nested(expressionAttribute.data | NESTED, () => encodeData(writer, expression));
    });
  }
}

function nameOf(expression: NftExpression): string {
  switch (expression.kind) {
    case "equal":
      return "cmp";
    case "verdict":
      return "immediate";
    default:
      return expression.kind;
  }
}

function encodeData(writer: MessageWriter, expression: NftExpression): void {
  const number = (type: number, value: number): void =>
    writer.attribute(type, Uint8Array.of(0, 0, value >> 8, value & 0xff));
  switch (expression.kind) {
    case "meta":
      number(metaAttribute.key, metaKey[expression.key]);
      return number(metaAttribute.into, expression.into);
    case "payload":
      number(payloadAttribute.into, expression.into);
      number(payloadAttribute.base, payloadBase[expression.base]);
      number(payloadAttribute.offset, expression.offset);
      return number(payloadAttribute.length, expression.length);
    case "equal":
      number(compareAttribute.from, expression.from);
      number(compareAttribute.operation, COMPARE_EQUAL);
      return writer.nested(compareAttribute.data | NESTED, () =>
        writer.attribute(dataAttribute.value, expression.value),
      );
    case "lookup":
      number(lookupAttribute.from, expression.from);
      writer.attributeText(lookupAttribute.set, expression.set);
      return number(lookupAttribute.setId, expression.setId);
    case "counter":
      // It begins at zero.
      return;
    case "verdict":
      number(immediateAttribute.into, REGISTER_VERDICT);
      return writer.nested(immediateAttribute.data | NESTED, () =>
        writer.nested(dataAttribute.verdict | NESTED, () => number(VERDICT_CODE, verdictCode[expression.verdict])),
      );
    default:
      return unreachable(expression);
  }
}
