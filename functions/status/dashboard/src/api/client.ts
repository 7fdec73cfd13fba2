// Talks to the status API: one function a route. A failure is a Failure that says what kind it is; screens decide what
// to do about it.

import type {
  Accepted,
  Audit,
  Circuit,
  CircuitMode,
  Config,
  DryRun,
  Entries,
  Keep,
  Me,
  OneSync,
  Overview,
  Range,
  Redriven,
  RunDetail,
  RunType,
  Runs,
  Statistics,
} from "./types";

/** No answer for so long is no answer. */
const PATIENCE_MS = 15_000;

export type FailureKind =
  "offline" | "slow" | "unauthenticated" | "forbidden" | "not_found" | "refused" | "broken";

/** Why there is no answer that could be used. */
export class Failure extends Error {
  constructor(
    readonly kind: FailureKind,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "Failure";
  }
}

/** The source of tokens, and the callback for a refused one. */
export interface Access {
  token(): Promise<string | null>;
  refused(token: string): Promise<string | null>;
}

export interface EntryFilter {
  type?: string;
  q?: string;
  cursor?: string;
  limit?: number;
}

export interface RunFilter {
  status?: string;
  type?: string;
  since?: string;
  until?: string;
  cursor?: string;
  limit?: number;
}

export interface RunRequest {
  type: Exclude<RunType, "scheduled">;
  keys?: string[];
  /** For the audit log. */
  why?: string;
}

export interface RedriveRequest {
  run?: string;
  olderThanSeconds?: number;
  limit?: number;
  dryRun: boolean;
  why: string;
}

/** `path?name=value…` without what is undefined or empty. */
export function withQuery(path: string, query: object): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? path : `${path}?${text}`;
}

const segment = encodeURIComponent;

export function config(signal: AbortSignal): Promise<Config> {
  return answer(() => fetch("./config.json", { signal })).then((it) => it.json() as Promise<Config>);
}

export type Api = ReturnType<typeof connect>;

/** The API as the holder of a token sees it. */
export function connect(access: Access) {
  const get = <T>(path: string, signal?: AbortSignal) => call<T>(access, path, signal ? { signal } : {});
  const post = <T>(path: string, body: object, headers: Record<string, string> = {}) =>
    call<T>(access, path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    });
  return {
    me: (signal?: AbortSignal) => get<Me>("api/me", signal),
    overview: (signal?: AbortSignal) => get<Overview>("api/syncs", signal),
    sync: (name: string, signal?: AbortSignal) => get<OneSync>(`api/syncs/${segment(name)}`, signal),
    runs: (sync: string, filter: RunFilter, signal?: AbortSignal) =>
      get<Runs>(withQuery(`api/syncs/${segment(sync)}/runs`, filter), signal),
    run: (id: string, signal?: AbortSignal) => get<RunDetail>(`api/runs/${segment(id)}`, signal),
    batches: (id: string, cursor: string) => get<RunDetail>(withQuery(`api/runs/${segment(id)}`, { cursor })),
    statistics: (sync: string, range: Range, signal?: AbortSignal) =>
      get<Statistics>(withQuery(`api/syncs/${segment(sync)}/statistics`, { range }), signal),
    entries: (of: EntriesOf, filter: EntryFilter, signal?: AbortSignal) =>
      get<Entries>(entriesPath(of, filter), signal),
    csv: (of: EntriesOf, filter: EntryFilter) =>
      send(access, entriesPath(of, { ...filter, format: "csv" }), {}).then((it) => it.blob()),
    start: (sync: string, request: RunRequest, idempotencyKey: string) =>
      post<Accepted>(`api/syncs/${segment(sync)}/runs`, request, { "idempotency-key": idempotencyKey }),
    preview: (sync: string, request: RunRequest) =>
      post<Accepted>(`api/syncs/${segment(sync)}/runs`, { ...request, dryRun: true }),
    plan: (id: string, signal?: AbortSignal) => get<DryRun>(`api/plans/${segment(id)}`, signal),
    approveDeletes: (run: string, why: string) =>
      post<{ approved: number; run: string | null }>(`api/runs/${segment(run)}/approve-deletes`, { why }),
    approveAdoption: (run: string, adopt: Keep, why: string) =>
      post<{ approved: number; run: string | null }>(`api/runs/${segment(run)}/approve-adoption`, {
        adopt,
        why,
      }),
    redrive: (sync: string, request: RedriveRequest) =>
      post<Redriven>(`api/syncs/${segment(sync)}/redrive`, request),
    circuit: (mode: CircuitMode, why: string) => post<Circuit>("api/circuit", { mode, why }),
    audit: (previews: boolean, cursor: string | undefined, signal?: AbortSignal) =>
      get<Audit>(withQuery("api/audit", { limit: 50, previews: previews ? "" : false, cursor }), signal),
  };
}

/** Whose entries: those that a run met, or those of a sync that are open or all. */
export type EntriesOf = { run: string } | { sync: string; state: "open" | "all" };

function entriesPath(of: EntriesOf, filter: object): string {
  return "run" in of
    ? withQuery(`api/runs/${segment(of.run)}/errors`, filter)
    : withQuery(`api/syncs/${segment(of.sync)}/errors`, { state: of.state, ...filter });
}

async function call<T>(access: Access, path: string, init: RequestInit): Promise<T> {
  const response = await send(access, path, init);
  try {
    return (await response.json()) as T;
  } catch {
    throw new Failure("broken", "not_json", `${path} was answered with something else than JSON`);
  }
}

/** Sends with a token; when it is refused, once more with a new one, if there is one to be had. */
async function send(access: Access, path: string, init: RequestInit): Promise<Response> {
  const attempt = (token: string | null) => {
    const headers = new Headers(init.headers);
    if (token !== null) headers.set("authorization", `Bearer ${token}`);
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const signal = init.signal ? AbortSignal.any([init.signal, patience]) : patience;
    return answer(() => fetch(`./${path}`, { ...init, headers, signal }));
  };
  const token = await access.token();
  try {
    return await attempt(token);
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== "unauthenticated" || token === null) throw error;
    const another = await access.refused(token);
    if (another === null) throw error;
    return await attempt(another);
  }
}

/** An answer that is one; everything else becomes a Failure, but for an abort of our own. */
async function answer(request: () => Promise<Response>): Promise<Response> {
  let response: Response;
  try {
    response = await request();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    if (error instanceof DOMException && error.name === "TimeoutError") {
      throw new Failure("slow", "timeout", "no answer in time");
    }
    throw new Failure("offline", "offline", "the server cannot be reached");
  }
  if (response.ok) return response;
  const refusal = await readError(response);
  throw new Failure(kindOf(response.status), refusal.code, refusal.message);
}

function kindOf(status: number): FailureKind {
  if (status === 401) return "unauthenticated";
  if (status === 403) return "forbidden";
  if (status === 404) return "not_found";
  return status < 500 && status !== 429 ? "refused" : "broken";
}

async function readError(response: Response): Promise<{ code: string; message: string }> {
  try {
    const body = (await response.json()) as { error?: { code?: string; message?: string } };
    return {
      code: body.error?.code ?? `http_${response.status}`,
      message: body.error?.message ?? `HTTP ${response.status}`,
    };
  } catch {
    return { code: `http_${response.status}`, message: `HTTP ${response.status}` };
  }
}
