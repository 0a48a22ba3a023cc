/** Why a message is refused: the closed table of reasons, what the client is answered, and where it is written. */

/** Codes. The parsers return them negated; 0 never stands for a reason. */
export const reject = {
  requestLine: 1,
  methodTooLong: 2,
  methodNotAllowed: 3,
  target: 4,
  targetTooLong: 5,
  version: 6,
  versionUnsupported: 7,
  emptyLines: 8,
  headTooLarge: 9,
  fieldsTooMany: 10,
  bareLineFeed: 11,
  bareCarriageReturn: 12,
  fieldName: 13,
  spaceBeforeColon: 14,
  obsFold: 15,
  fieldValue: 16,
  contentLength: 17,
  contentLengthConflict: 18,
  transferEncoding: 19,
  transferEncodingUnknown: 20,
  transferEncodingWithLength: 21,
  transferEncodingInHttp10: 22,
  hostMissing: 23,
  hostRepeated: 24,
  host: 25,
  expectation: 26,
  connectionOptions: 27,
  statusLine: 28,
  switchingProtocols: 29,
  chunkSize: 30,
  chunkExtension: 31,
  chunkOverhead: 32,
  chunkEnd: 33,
  trailer: 34,
  trailersTooLarge: 35,
  requestTimeout: 36,
  bodyTooLarge: 37,
} as const;

export type RejectCode = (typeof reject)[keyof typeof reject];

export interface RejectReason {
  readonly code: RejectCode;
  /** What a client is answered. A response that is refused is answered with 502 whatever the reason. */
  readonly status: number;
  /** Word for the log line and the counter. */
  readonly name: string;
  readonly source: string;
}

const rows: readonly RejectReason[] = [
  { code: reject.requestLine, status: 400, name: "request_line", source: "RFC 9112 3" },
  { code: reject.methodTooLong, status: 501, name: "method_too_long", source: "RFC 9112 3" },
  { code: reject.methodNotAllowed, status: 405, name: "method_not_allowed", source: "RFC 9110 15.5.6" },
  { code: reject.target, status: 400, name: "target", source: "RFC 9112 3.2" },
  { code: reject.targetTooLong, status: 414, name: "target_too_long", source: "RFC 9112 3" },
  { code: reject.version, status: 400, name: "version", source: "RFC 9112 2.3" },
  { code: reject.versionUnsupported, status: 505, name: "version_unsupported", source: "RFC 9110 15.6.6" },
  { code: reject.emptyLines, status: 400, name: "empty_lines", source: "RFC 9112 2.2" },
  { code: reject.headTooLarge, status: 431, name: "head_too_large", source: "RFC 6585 5" },
  { code: reject.fieldsTooMany, status: 431, name: "fields_too_many", source: "RFC 6585 5" },
  { code: reject.bareLineFeed, status: 400, name: "bare_line_feed", source: "RFC 9112 2.2" },
  { code: reject.bareCarriageReturn, status: 400, name: "bare_carriage_return", source: "RFC 9112 2.2" },
  { code: reject.fieldName, status: 400, name: "field_name", source: "RFC 9110 5.1" },
  { code: reject.spaceBeforeColon, status: 400, name: "space_before_colon", source: "RFC 9112 5.1" },
  { code: reject.obsFold, status: 400, name: "obs_fold", source: "RFC 9112 5.2" },
  { code: reject.fieldValue, status: 400, name: "field_value", source: "RFC 9110 5.5" },
  { code: reject.contentLength, status: 400, name: "content_length", source: "RFC 9110 8.6" },
  { code: reject.contentLengthConflict, status: 400, name: "content_length_conflict", source: "RFC 9112 6.3" },
  { code: reject.transferEncoding, status: 400, name: "transfer_encoding", source: "RFC 9112 6.1" },
  { code: reject.transferEncodingUnknown, status: 501, name: "transfer_encoding_unknown", source: "RFC 9112 6.1" },
  { code: reject.transferEncodingWithLength, status: 400, name: "te_with_content_length", source: "RFC 9112 6.3" },
  { code: reject.transferEncodingInHttp10, status: 400, name: "te_in_http10", source: "RFC 9112 6.1" },
  { code: reject.hostMissing, status: 400, name: "host_missing", source: "RFC 9112 3.2" },
  { code: reject.hostRepeated, status: 400, name: "host_repeated", source: "RFC 9112 3.2" },
  { code: reject.host, status: 400, name: "host", source: "RFC 9112 3.2, RFC 3986 3.2.2" },
  { code: reject.expectation, status: 417, name: "expectation", source: "RFC 9110 10.1.1" },
  { code: reject.connectionOptions, status: 400, name: "connection_options", source: "RFC 9110 7.6.1, own limit" },
  { code: reject.statusLine, status: 502, name: "status_line", source: "RFC 9112 4" },
  { code: reject.switchingProtocols, status: 502, name: "switching_protocols", source: "RFC 9110 7.8" },
  { code: reject.chunkSize, status: 400, name: "chunk_size", source: "RFC 9112 7.1" },
  { code: reject.chunkExtension, status: 400, name: "chunk_extension", source: "RFC 9112 7.1.1" },
  { code: reject.chunkOverhead, status: 400, name: "chunk_overhead", source: "RFC 9112 7.1.1, own limit" },
  { code: reject.chunkEnd, status: 400, name: "chunk_end", source: "RFC 9112 7.1" },
  { code: reject.trailer, status: 400, name: "trailer", source: "RFC 9112 7.1.2" },
  { code: reject.trailersTooLarge, status: 431, name: "trailers_too_large", source: "RFC 6585 5" },
  { code: reject.requestTimeout, status: 408, name: "request_timeout", source: "RFC 9110 15.5.9" },
  { code: reject.bodyTooLarge, status: 413, name: "body_too_large", source: "RFC 9110 15.5.14" },
];

const byCode: readonly RejectReason[] = [...rows].sort((a, b) => a.code - b.code);

/** The row of a code as the parsers return it, with either sign. */
export function rejectReason(code: number): RejectReason {
  return byCode[Math.abs(code) - 1];
}
