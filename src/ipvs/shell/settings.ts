/** Settings of the kernel's IPVS beside its table: net.ipv4.vs.* (Documentation/networking/ipvs-sysctl.rst). */
import { readFileSync, writeFileSync } from "node:fs";

const EXPIRE_QUIESCENT_TEMPLATE = "/proc/sys/net/ipv4/vs/expire_quiescent_template";

/**
 * Persistence templates no longer lead to servers of weight 0. Null, or why that could not be set; CAP_NET_ADMIN is
 * enough for it, whatever the user.
 */
export function expireQuiescentTemplates(): string | null {
  try {
    if (readFileSync(EXPIRE_QUIESCENT_TEMPLATE, "latin1").trim() !== "0") return null;
    writeFileSync(EXPIRE_QUIESCENT_TEMPLATE, "1\n");
    return null;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `persistent clients stay with drained servers: ${reason}`;
  }
}
