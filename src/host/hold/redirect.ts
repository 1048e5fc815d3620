/**
 * New connections to a port of this host go to another one for a moment, by nftables. The kernel itself forgets it when the
 * time is up, so that an agent that dies in the middle keeps nobody out for longer. Connections that exist are left alone.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

export type Redirect = {
  /** Resolves when it is in force. Rejects where the kernel or nft cannot, or this process may not. */
  set(order: { readonly port: number; readonly to: number; readonly mostMs: number }): Promise<void>;
  unset(port: number): Promise<void>;
  /** Leaves nothing behind. */
  close(): Promise<void>;
};

/** Connections from here are never redirected. */
export const ownAddress = "127.0.0.2";

const run = promisify(execFile);
const nftMs = 5_000;

/** One per network namespace and agent: `name` keeps those of several agents apart. */
export function createRedirect(name: string): Redirect {
  const table = `inet ${name}`;
  let made = false;

  async function make(): Promise<void> {
    if (made) return;
    // Only a connection's first packet: where connections were not tracked before, others would pass for first ones too.
    const rule = "fib daddr type local tcp flags & (fin|syn|rst|ack) == syn redirect to :tcp dport map @held";
    await nft(`
      table ${table}
      delete table ${table}
      table ${table} {
        map held { type inet_service : inet_service; flags timeout; }
        chain from_outside { type nat hook prerouting priority -100; policy accept; ${rule}; }
        chain from_here { type nat hook output priority -100; policy accept; ip saddr ${ownAddress} return; ${rule}; }
      }`);
    made = true;
  }

  return {
    async set({ port, to, mostMs }) {
      await make();
      await nft(`add element ${table} held { ${port} timeout ${Math.ceil(mostMs)}ms : ${to} }`);
    },
    async unset(port) {
      await nft(`delete element ${table} held { ${port} }`).catch((thrown) => {
        // Its time was up.
        if (!/No such file/.test(String(thrown))) throw thrown;
      });
    },
    async close() {
      if (made) await nft(`delete table ${table}`);
      made = false;
    },
  };
}

async function nft(commands: string): Promise<void> {
  const script = commands
    .split("\n")
    .map((line) => line.trim())
    .join("\n");
  try {
    const running = run("nft", ["-f", "-"], { timeout: nftMs });
    // One that ends before it has read all says why by its exit code; the broken pipe says nothing more.
    running.child.stdin?.on("error", () => undefined).end(`${script}\n`);
    await running;
  } catch (thrown) {
    const { code, stderr, message } = thrown as NodeJS.ErrnoException & { stderr?: string };
    throw new Error(code === "ENOENT" ? "nft is not installed" : stderr?.trim().split("\n")[0] || message);
  }
}
