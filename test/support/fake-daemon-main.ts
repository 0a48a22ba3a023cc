/** Runs the fake daemon as a process until it is ended: `bun test/support/fake-daemon-main.ts SOCKET`. */
import { startFakeDaemon } from "./fake-daemon.ts";

const STEP_MS = 500;
const daemon = await startFakeDaemon(process.argv[2] ?? "/tmp/ballast-fake.sock");
setInterval(() => daemon.advance(STEP_MS), STEP_MS);
process.once("SIGTERM", () => void daemon.close().then(() => process.exit(0)));
process.once("SIGINT", () => void daemon.close().then(() => process.exit(0)));
