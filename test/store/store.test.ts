import { storeContract } from "./contract/contract.ts";
import { dataFolders } from "./folders.ts";

const { folder, open } = dataFolders();

storeContract("the store in SQLite", () => open(folder()));
