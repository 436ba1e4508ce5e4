/**
 * Parts of the widget that most readers never need are files of their own, fetched when they are first needed: whatever the
 * sources import with `import("…")`. A part is one file, named by its content, so that it may be kept for ever. It shares
 * preact and the model with the widget, which hands them over as its kit; anything else that it imports is copied into it.
 */
import { createHash } from "node:crypto";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const web = dirname(fileURLToPath(import.meta.url));

/** Addresses of parts are relative to the widget's own: `/v1/parley.js` has them in `/v1/parley/`. */
const FOLDER = "parley";

/** What `src/view/lazy.ts` hands over, by the modules that it comes from. A part that asks for more does not build. */
const KIT = ["jsx", "Fragment", "useEffect", "useLayoutEffect", "useRef", "useState", "useModel", "useSurroundings"];
const SHARED = /^preact(\/.*)?$|\/context$/;

const kit = {
  name: "kit",
  setup(bundler) {
    bundler.onResolve({ filter: SHARED }, () => ({ path: "kit", namespace: "kit" }));
    bundler.onLoad({ filter: /./, namespace: "kit" }, () => ({
      contents: `export let ${KIT}; export const adopt = (kit) => { ({${KIT}} = kit) }; export { jsx as jsxs };`,
    }));
    // What a part does not use of a module does not come with it.
    bundler.onResolve({ filter: /^\.\.?\// }, async ({ path, resolveDir, kind, pluginData }) => {
      if (pluginData === kit || kind === "entry-point") return undefined;
      return { ...(await bundler.resolve(path, { resolveDir, kind, pluginData: kit })), sideEffects: false };
    });
  },
};

/** Files that are imported when they are needed, by whatever `entry` reaches, and the short names of all members. */
async function survey(entry, options) {
  const { metafile, mangleCache } = await build({ ...options, entryPoints: [entry], format: "esm", metafile: true, mangleCache: {} });
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
  const paths = new Set(imports.filter(({ kind }) => kind === "dynamic-import").map(({ path }) => path));
  return { paths: [...paths].sort(), mangleCache };
}

/** The script works it out too, from its digests, which no packing makes shorter. */
function addressOf(name, digest) {
  return `${FOLDER}/${name}-${digest.slice(0, 16).replace(/\W/g, "_")}.mjs`;
}

/** `{ parts, mangleCache }`: of each part its `source`, `path`, `code` and `integrity`. `squeeze` makes code small. */
export async function partsOf(entry, options, squeeze) {
  const { paths, mangleCache } = await survey(entry, options);
  const parts = await Promise.all(paths.map(async (source) => {
    const built = await build({
      ...options,
      stdin: { contents: `export { default } from "./${source}"; export { adopt } from "preact";`, resolveDir: web },
      format: "esm",
      mangleCache,
      plugins: [kit, ...options.plugins],
    });
    const code = await squeeze(built.outputFiles[0].text, true);
    const digest = createHash("sha256").update(code).digest("base64");
    const name = basename(source).replace(/\.\w+$/, "");
    return { source, name, digest, path: addressOf(name, digest), code, integrity: `sha256-${digest}` };
  }));
  return { parts, mangleCache };
}

/** For esbuild: parts stay outside. */
export const apart = (parts) => ({
  name: "parts",
  setup(bundler) {
    bundler.onResolve({ filter: /^\./ }, ({ path, resolveDir, kind }) => {
      if (kind !== "dynamic-import") return undefined;
      const source = relative(web, join(resolveDir, path));
      const part = parts.find((one) => one.source.replace(/\.tsx?$/, "") === source.replace(/\.tsx?$/, ""));
      return part && { path: `./${part.path}`, external: true };
    });
  },
});

/**
 * A script has no address of its own that `import()` would go by, and its integrity should hold for its parts too:
 * `import("./parley/x.mjs")` becomes a call of the loader.
 */
export function loadedByScript(code, loader, parts) {
  const linked = parts.reduce((text, { path, name, digest }) => text.replaceAll(`import("./${path}")`, `loadPart("${name}","${digest}")`), code);
  return linked === code ? code : `(()=>{${loader}\n${linked}})()`;
}
