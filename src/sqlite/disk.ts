/** SQLite's locks and shared memory do not hold over a network: two servers could write one base. */
import { statfsSync } from "node:fs";

export class NetworkDiskError extends Error {
  readonly reason = "network_disk";
  constructor(folder: string, kind: string) {
    super(
      `${folder} is on a network file system (${kind}), where a database can be damaged. Give the server a folder on a disk of its own machine with GANTRY_DATA.`,
    );
    this.name = "NetworkDiskError";
  }
}

/** By the magic numbers of statfs(2). */
const networked: ReadonlyMap<number, string> = new Map([
  [0x6969, "nfs"],
  [0x517b, "smb"],
  [0xfe534d42, "smb2"],
  [0xff534d42, "cifs"],
  [0x564c, "ncp"],
  [0x5346414f, "afs"],
  [0x73757245, "coda"],
  [0x00c36400, "ceph"],
  [0x0bd00bd0, "lustre"],
  [0x20030528, "orangefs"],
]);

/** @throws NetworkDiskError */
export function refuseNetworkDisk(folder: string, typeOf: (folder: string) => number = (path) => statfsSync(path).type): void {
  const kind = networked.get(typeOf(folder) >>> 0);
  if (kind !== undefined) throw new NetworkDiskError(folder, kind);
}
