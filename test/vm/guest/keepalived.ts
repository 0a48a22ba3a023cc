/** keepalived as director and VRRP speaker: the program whose behaviour is the reference. */
import { mkdirSync, writeFileSync } from "node:fs";
import type { NetworkNode } from "../../support/netns.ts";
import type { DirectorProgram, DirectorSettings, RunningDirector } from "./director-program.ts";
import { SERVICE_PORT, VIP } from "./dr-site.ts";

function configuration(node: NetworkNode, settings: DirectorSettings): string {
  const realServers = settings.realServers.map(
    (address) => `
  real_server ${address} ${SERVICE_PORT} {
    weight 1
    TCP_CHECK {
      connect_timeout 1
      retry 1
      delay_before_retry 1
    }
  }`,
  );
  return `global_defs {
  router_id ${node.name}
  lvs_sync_daemon eth0 VI_1 id 7
}
vrrp_instance VI_1 {
  state ${settings.master ? "MASTER" : "BACKUP"}
  interface eth0
  virtual_router_id 51
  priority ${settings.master ? 100 : 50}
  advert_int 1
  authentication {
    auth_type PASS
    auth_pass k7Qz2mXw
  }
  virtual_ipaddress {
    ${VIP}
  }
}
virtual_server ${VIP} ${SERVICE_PORT} {
  delay_loop 1
  lb_algo rr
  lb_kind DR
  protocol TCP${realServers.join("")}
}
`;
}

export const keepalived: DirectorProgram = {
  name: "keepalived",
  start: async (node, settings): Promise<RunningDirector> => {
    const folder = `/tmp/keepalived-${node.namespace}`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/keepalived.conf`, configuration(node, settings));
    const files = ["-p", `${folder}/pid`, "-r", `${folder}/vrrp.pid`, "-c", `${folder}/checkers.pid`];
    const child = node.start(["keepalived", "-n", "-l", "-D", "-f", `${folder}/keepalived.conf`, ...files]);
    return {
      stop: async () => void (await child.stop()),
      log: () => `${child.stdout()}${child.stderr()}`,
    };
  },
};
