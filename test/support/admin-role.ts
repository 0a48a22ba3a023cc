/** The admin role as a process of its own, for tests: channel on descriptor 3, limits as JSON in argv. */
import { serverLimits } from "../../src/admin/shell/server.ts";
import { Channel } from "../../src/ipc/shell/channel.ts";
import { runAdmin } from "../../src/roles/admin.ts";
import { Loop } from "../../src/sys/loop.ts";

const loop = new Loop();
runAdmin(new Channel(loop, 3, "admin", "supervisor"), loop, {
  ...serverLimits,
  ...JSON.parse(process.argv[2] ?? "{}"),
});
await loop.run();
process.exit(0);
