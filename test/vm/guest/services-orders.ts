/** What `services.ts` in a namespace can be told, and the caller's side of it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Certificate } from "../../support/mail.ts";
import type { NetworkNode } from "../../support/netns.ts";

export const servicePorts = { https: 443, smtp: 25, dns: 53, udp: 9000 } as const;

export type ServiceName = keyof typeof servicePorts;

export interface Order {
  readonly service: ServiceName;
  readonly well: boolean;
}

export interface Services {
  readonly set: (service: ServiceName, state: "well" | "sick") => Promise<void>;
}

const READY_MS = 20_000;

export function servicesSocket(name: string, namespace: string): string {
  return `/tmp/services-${namespace}-${name}.sock`;
}

/** Starts all of them, well, in the node's namespace; they end with `stopAllProcesses`. */
export async function startServices(node: NetworkNode, certificate: Certificate): Promise<Services> {
  const folder = `/tmp/services-${node.namespace}`;
  mkdirSync(folder, { recursive: true });
  const files = { key: `${folder}/key.pem`, cert: `${folder}/cert.pem` };
  writeFileSync(files.key, certificate.key);
  writeFileSync(files.cert, certificate.cert);
  const script = resolve(import.meta.dir, "services.ts");
  const child = node.start([process.execPath, script, node.name, node.namespace, files.key, files.cert]);
  await child.waitForOutput(/services ready/, READY_MS);
  return {
    set: async (service, state) => {
      const unix = servicesSocket(node.name, node.namespace);
      const body = JSON.stringify({ service, well: state === "well" } satisfies Order);
      const response = await fetch("http://services/", { unix, method: "POST", body });
      if (!response.ok) throw new Error(`services of ${node.name}: ${await response.text()}`);
    },
  };
}
