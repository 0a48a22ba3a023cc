/** The systemd unit of a real server: its addresses come up after the network and go before it (systemd.service(5)). */

/** What may stand in a command line of a unit without quotes. */
const PLAIN = /^[\w./:=@+-]+$/;

/** `program`: absolute path of this binary; `words`: what `realserver up` is told, for example ["--vip", "192.0.2.10"]. */
export function systemdUnit(program: string, words: readonly string[]): string {
  const command = (order: "up" | "down", rest: readonly string[]): string =>
    [program, "realserver", order, ...rest].map(quoted).join(" ");
  return `[Unit]
Description=Virtual addresses of an LVS-DR real server (Ballast)
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${command("up", words)}
# Gives back what "up" has saved under the runtime directory, which must outlive the command.
ExecStop=${command("down", [])}
RuntimeDirectory=ballast
RuntimeDirectoryPreserve=yes
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET
UnsetEnvironment=BUN_OPTIONS BUN_BE_BUN BUN_INSPECT NODE_OPTIONS

[Install]
WantedBy=multi-user.target
`;
}

/** Percent signs are specifiers of systemd; the rest as in systemd.syntax(7). */
function quoted(word: string): string {
  if (PLAIN.test(word)) return word;
  return `"${word.replace(/[\\"]/g, "\\$&").replaceAll("%", "%%")}"`;
}
