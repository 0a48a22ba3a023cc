/**
 * Free ports for servers that cannot be asked which port 0 became (haproxy, nginx, a configuration file).
 * Taken below the ephemeral range (32768 and up), so that no outgoing connection can take one in between.
 */

const FIRST_PORT = 15000;
const PORT_COUNT = 17000;

/** Each test process starts elsewhere: several run side by side on one machine. */
let cursor = (process.pid * 101) % PORT_COUNT;

function isFree(port: number, hostname: string): boolean {
  try {
    Bun.listen({ hostname, port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    // In use: the caller tries the next one.
    return false;
  }
}

/** A TCP port that nobody listens on; never the same one twice in a process. */
export function freePort(hostname = "127.0.0.1"): number {
  for (let tries = 0; tries < PORT_COUNT; tries++) {
    const port = FIRST_PORT + cursor;
    cursor = (cursor + 1) % PORT_COUNT;
    if (isFree(port, hostname)) return port;
  }
  throw new Error(`no free port on ${hostname} in ${FIRST_PORT}–${FIRST_PORT + PORT_COUNT - 1}`);
}

/** `count` different free ports. */
export function freePorts(count: number, hostname = "127.0.0.1"): number[] {
  return Array.from({ length: count }, () => freePort(hostname));
}

/** True when somebody accepts connections there. */
export async function accepts(port: number, hostname = "127.0.0.1"): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname, port, socket: { data() {} } });
    socket.terminate();
    return true;
  } catch {
    // Refused: not yet, or no longer.
    return false;
  }
}
