// The simulation's store must be what the real one is, or its seeds prove nothing.
import { createServerDisk } from "../simulation/world/memory-store/store.ts";
import { storeContract } from "./contract/contract.ts";

storeContract("the simulated store", () => createServerDisk({ serverId: "server-1" }).store);
