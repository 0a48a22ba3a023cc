/** Numbers of the kernel's IPVS interface: linux/ip_vs.h. */

export const IPVS_FAMILY = "IPVS";
export const IPVS_VERSION = 1;

/** IPVS_CMD_* */
export const ipvsCommand = {
  newService: 1,
  setService: 2,
  deleteService: 3,
  getService: 4,
  newDestination: 5,
  setDestination: 6,
  deleteDestination: 7,
  getDestination: 8,
  newDaemon: 9,
  deleteDaemon: 10,
  getDaemon: 11,
  setConfig: 12,
  getConfig: 13,
  setInfo: 14,
  getInfo: 15,
  zero: 16,
  flush: 17,
} as const;

/** IPVS_CMD_ATTR_* */
export const commandAttribute = {
  service: 1,
  destination: 2,
  daemon: 3,
  timeoutTcp: 4,
  timeoutTcpFin: 5,
  timeoutUdp: 6,
} as const;

/** IPVS_SVC_ATTR_* */
export const serviceAttribute = {
  family: 1,
  protocol: 2,
  address: 3,
  port: 4,
  fwmark: 5,
  scheduler: 6,
  flags: 7,
  timeout: 8,
  netmask: 9,
  stats: 10,
  persistenceEngine: 11,
  stats64: 12,
} as const;

/** IPVS_DEST_ATTR_* */
export const destinationAttribute = {
  address: 1,
  port: 2,
  forward: 3,
  weight: 4,
  upperThreshold: 5,
  lowerThreshold: 6,
  activeConnections: 7,
  inactiveConnections: 8,
  persistentConnections: 9,
  stats: 10,
  family: 11,
  stats64: 12,
  tunnelType: 13,
  tunnelPort: 14,
  tunnelFlags: 15,
} as const;

/** IPVS_STATS_ATTR_* */
export const statsAttribute = {
  connections: 1,
  inPackets: 2,
  outPackets: 3,
  inBytes: 4,
  outBytes: 5,
  connectionsPerSecond: 6,
  inPacketsPerSecond: 7,
  outPacketsPerSecond: 8,
  inBytesPerSecond: 9,
  outBytesPerSecond: 10,
} as const;

/** IPVS_DAEMON_ATTR_* */
export const daemonAttribute = {
  state: 1,
  interface: 2,
  syncId: 3,
  maxBytes: 4,
  group4: 5,
  group6: 6,
  port: 7,
  ttl: 8,
} as const;

/** IPVS_INFO_ATTR_* */
export const infoAttribute = { version: 1, tableSize: 2 } as const;

/** IP_VS_SVC_F_*: persistent, hashed (the kernel's own), one packet a connection, and three that schedulers define. */
export const serviceFlag = { persistent: 0x1, hashed: 0x2, onePacket: 0x4 } as const;
export const schedulerFlagBit = { "flag-1": 0x8, "flag-2": 0x10, "flag-3": 0x20 } as const;

/** IP_VS_CONN_F_*: how packets reach a real server. `local` is what the kernel makes of an address of its own. */
export const forwardNumber = { nat: 0, local: 1, tun: 2, dr: 3, bypass: 4 } as const;
export const FORWARD_MASK = 0x7;

/** IP_VS_CONN_F_TUNNEL_TYPE_* and IP_VS_TUNNEL_ENCAP_FLAG_*. */
export const tunnelNumber = { ipip: 0, gue: 1, gre: 2 } as const;
export const tunnelChecksumNumber = { none: 0, full: 1, remote: 2 } as const;

/** IP_VS_STATE_*: roles of the connection synchronisation daemon; a node may run both. */
export const daemonStateNumber = { master: 1, backup: 2 } as const;

/** netinet/in.h */
export const protocolNumber = { tcp: 6, udp: 17, sctp: 132 } as const;

/** sys/socket.h */
export const familyNumber = { 4: 2, 6: 10 } as const;

/** Schedulers of the kernel (net/netfilter/ipvs), and what their flags are called. */
export const schedulers = [
  "rr",
  "wrr",
  "lc",
  "wlc",
  "lblc",
  "lblcr",
  "sh",
  "dh",
  "sed",
  "nq",
  "fo",
  "ovf",
  "mh",
  "twos",
] as const;

/** IP_VS_SCHNAME_MAXLEN and IP_VS_PENAME_MAXLEN with the final zero. */
export const NAME_BYTES_MAX = 16;
