import type { Saved, Unsent, Vault } from "../connection/vault";

/** Text that nobody came back for is forgotten after this. */
const KEPT_MS = 30 * 86_400_000;
/** A database that does not answer must not hold up what is written now. */
const LOAD_LIMIT_MS = 2_000;
const STORE = "text";

type Key = [server: string, page: string, kind: "draft" | "unsent", name: string];
interface Row {
  readonly savedAt: number;
  /** The instance that holds this change in memory, while it lives. */
  readonly owner?: string;
  readonly unsent?: Unsent;
  readonly draft?: string;
}

/** IndexedDB. Where there is none (a private window, a full disk, a policy) everything goes on without. */
export function browserVault(server: string, me: string): Vault & { close(): void } {
  let database: Promise<IDBDatabase> | null = null;
  const open = (): Promise<IDBDatabase> => (database ??= opened());

  /** One after the other, in the order asked for; failures are nobody's concern but the caller's. */
  async function run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const store = (await open()).transaction(STORE, mode).objectStore(STORE);
    return result(work(store));
  }
  const write = (work: (store: IDBObjectStore) => IDBRequest): void => void run("readwrite", work).catch(() => {});
  const put = (key: Key, row: Omit<Row, "savedAt">): void => write((store) => store.put({ ...row, savedAt: Date.now() }, key));
  const remove = (key: Key): void => write((store) => store.delete(key));

  async function load(page: string): Promise<Saved> {
    const range = IDBKeyRange.bound([server, page], [server, page, []]);
    const [keys, rows, living] = await Promise.all([
      run("readonly", (store) => store.getAllKeys(range)) as Promise<IDBValidKey[] & Key[]>,
      run("readonly", (store) => store.getAll(range)) as Promise<Row[]>,
      instances(),
    ]);
    const unsent: Unsent[] = [];
    const drafts: Record<string, string> = {};
    rows.forEach((row, index) => {
      const key = keys[index];
      if (key === undefined) return;
      if (Date.now() - row.savedAt > KEPT_MS) remove(key);
      else if (row.draft !== undefined) drafts[key[3]] = row.draft;
      else if (row.unsent !== undefined && (row.owner === me || !living.has(row.owner ?? ""))) unsent.push(row.unsent);
    });
    return { unsent: unsent.sort((a, b) => a.order - b.order), drafts };
  }

  return {
    load: (page) => within(LOAD_LIMIT_MS, load(page)).catch(() => ({ unsent: [], drafts: {} })),
    keep: (unsent) => put([server, unsent.page, "unsent", unsent.broadcastId], { unsent, owner: me }),
    drop: (page, broadcastId) => remove([server, page, "unsent", broadcastId]),
    draft: (page, key, text) => (text === "" ? remove([server, page, "draft", key]) : put([server, page, "draft", key], { draft: text })),
    close: () => void database?.then((open) => open.close(), () => {}),
  };
}

function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(reject, ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("parley", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => {
      // Another version of us, in another tab, wants to change the database: it must not wait for us.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => reject(new Error("no database"));
  });
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = (event) => {
      event.preventDefault(); // else a full disk becomes an error of the page
      reject(new Error("not kept"));
    };
  });
}

/** Whose locks are held: the instances that live in this browser. */
async function instances(): Promise<Set<string>> {
  const locks = await navigator.locks?.query?.();
  return new Set((locks?.held ?? []).map(({ name }) => name ?? ""));
}
