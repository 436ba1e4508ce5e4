/** Joined to the script by the build: where its parts are, and how they are loaded under the page's policies. */
const script = document.currentScript as HTMLScriptElement | null;
let failures = 0;

/**
 * `import()` takes no digest and, under Trusted Types, an element takes no address of a script: a preloading link takes both.
 * What came of it is what `import()` gets. A browser without such links (Safari 16) loads the part unchecked.
 */
export function loadPart(name: string, digest: string): Promise<unknown> {
  // Browsers remember a failed module by its address.
  const url = new URL(`parley/${name}-${digest.slice(0, 16).replace(/\W/g, "_")}.mjs${failures > 0 ? `?${failures}` : ""}`, script?.src || document.baseURI).href;
  const link = document.createElement("link");
  return new Promise<void>((resolve, reject) => {
    if (!link.relList.supports("modulepreload")) return resolve();
    link.rel = "modulepreload";
    link.href = url;
    link.crossOrigin = "";
    link.integrity = `sha256-${digest}`;
    link.nonce = script?.nonce ?? "";
    link.onload = () => resolve();
    link.onerror = () => reject(new Error(`${url} could not be loaded.`));
    document.head.append(link);
  })
    .then(() => import(url))
    .catch((error: unknown) => {
      failures += 1;
      throw error;
    })
    .finally(() => link.remove());
}
