// What the status API answers. Times are RFC 3339 in UTC, hashes of 64 bits are strings.

export type Role = "reader" | "operator";
export type Health = "healthy" | "degraded" | "unhealthy" | "unknown";
export type RunType = "scheduled" | "manual" | "full" | "selective";
export type RunStatus = "queued" | "in_progress" | "completed" | "partial" | "failed" | "superseded";
export type ErrorType =
  "validation" | "conflict" | "database" | "network" | "rate_limit" | "permission" | "unknown";
export type CircuitMode = "auto" | "force_open" | "force_closed";
export type CircuitState = "closed" | "open" | "half_open";
export type Range = "1h" | "24h" | "7d" | "30d";

export const RUN_TYPES: readonly RunType[] = ["scheduled", "manual", "full", "selective"];
export const RUN_STATUSES: readonly RunStatus[] = [
  "queued",
  "in_progress",
  "completed",
  "partial",
  "failed",
  "superseded",
];
export const ERROR_TYPES: readonly ErrorType[] = [
  "validation",
  "conflict",
  "database",
  "network",
  "rate_limit",
  "permission",
  "unknown",
];
export const RANGES: readonly Range[] = ["1h", "24h", "7d", "30d"];

export interface Config {
  supabaseUrl: string;
  publishableKey: string | null;
  version: string;
}

export interface Me {
  name: string;
  role: Role;
  kind: "user" | "service";
}

/** A sentence with a code that the dashboard may translate. */
export interface Reason {
  code: string;
  message: string;
  /** How many of what the code counts, or for how many seconds. */
  amount?: number;
}

export interface RunError {
  code: string;
  message: string;
  type: ErrorType;
}

export interface Run {
  id: string;
  sync: string;
  seq: number | null;
  type: RunType;
  status: RunStatus;
  triggeredBy: string | null;
  startedAt: string;
  plannedAt: string | null;
  heartbeatAt: string;
  completedAt: string | null;
  durationSeconds: number | null;
  totalRows: number;
  inserted: number;
  updated: number;
  unchanged: number;
  rejected: number;
  skipped: number;
  failed: number;
  adopted: number;
  /** Rows that were missing in the table and were inserted again; among `inserted`. */
  restored: number;
  /** Rows in which a column that the sheet owns had been changed in the table; among `updated`. */
  corrected: number;
  conflicts: number;
  deleted: number;
  rowsSent: number;
  rowsDone: number;
  keysVanished: number;
  deletesWithheld: string | null;
  /** How many rows an approval would delete. */
  withheldRows: number | null;
  /** The first row keys that the sheet no longer had; none in lists of runs. */
  vanishedSample: string[];
  /** Vanished rows whose deletion waits for another complete read. */
  unconfirmed: number;
  /** Rows whose adoption waits for approval. */
  withheld: number;
  adoption: Adoption | null;
  keysUnreadable: number;
  keylessRows: number;
  readComplete: boolean;
  checkedAt: string | null;
  checkedValues: boolean;
  provedAt: string | null;
  /** None in lists of runs. */
  verification: Verification | null;
  batchesTotal: number;
  batchesDone: number;
  error: RunError | null;
}

export type Verdict = "equal" | "allowed" | "different";

/** What the comparison of sheet and table in full found. */
export interface Verification {
  readAt: string;
  verdict: Verdict;
  rowsCompared: number;
  findings: Finding[];
}

export interface Finding {
  allowed: boolean;
  explanation: string;
  column: string | null;
  header: string | null;
  count: number;
  samples: FindingSample[];
}

export interface FindingSample {
  rowKey: string;
  cell: string | null;
  table: Value | null;
  sheet: Value | null;
}

/** Rows of the table that differ from the sheet and that the sync has not written. */
export interface Adoption {
  rows: number;
  /** How many rows differ in each column. */
  columns: Record<string, number>;
  /** The first values; none in lists of runs. */
  sample: AdoptionSample[];
}

export interface AdoptionSample {
  rowKey: string;
  rowNumber: number | null;
  column: string;
  old: Value | null;
  new: Value | null;
}

/** Whose values stay where they differ. */
export type Keep = "sheet" | "database";

export interface RunningRun {
  id: string;
  type: RunType;
  startedAt: string;
  heartbeatAt: string;
  plannedAt: string | null;
  rowsSent: number;
  rowsDone: number;
  batchesTotal: number;
  batchesDone: number;
  percent: number | null;
  secondsLeft: number | null;
}

export interface Last24h {
  runs: number;
  completed: number;
  partial: number;
  failed: number;
  successRate: number | null;
  errorRate: number | null;
  medianSeconds: number | null;
  p95Seconds: number | null;
  rowsPerSecond: number | null;
}

export interface Sync {
  name: string;
  status: Health;
  reasons: Reason[];
  table: string | null;
  tab: string | null;
  spreadsheetUrl: string | null;
  everySeconds: number | null;
  nextRunAt: string | null;
  lastRun: Run | null;
  runningRun: RunningRun | null;
  lastCompletedRun: { id: string; startedAt: string; completedAt: string } | null;
  freshnessSeconds: number | null;
  /** When sheet and table were last proved to be equal. */
  provedAt: string | null;
  verification: {
    run: string;
    at: string;
    verdict: Verdict;
    rowsCompared: number;
    differences: number;
  } | null;
  openRejections: number;
  openFailures: number;
  openConflicts24h: number;
  last24h: Last24h;
}

export interface Circuit {
  destination: string;
  state: CircuitState;
  mode: CircuitMode;
  since: string | null;
  until: string | null;
  failures: number;
  why: string | null;
}

export interface Delivery {
  queue: { waiting: number; inFlight: number; oldestMessageSeconds: number | null } | null;
  deadLetters: { messages: number } | null;
  circuit: Circuit | null;
}

export interface Unreachable {
  what: string;
  message: string;
}

interface Surroundings {
  now: string;
  delivery: Delivery;
  unreachable: Unreachable[];
}

export interface Overview extends Surroundings {
  syncs: Sync[];
}

export interface OneSync extends Surroundings {
  sync: Sync;
}

export interface Runs {
  runs: Run[];
  next: string | null;
}

export interface Batch {
  kind: "upsert" | "delete";
  lo: string;
  hi: string;
  outcome: string;
  rows: number;
  inserted: number;
  updated: number;
  unchanged: number;
  deleted: number;
  conflicts: number;
  rejected: number;
  attempts: number;
  error: string | null;
  finishedAt: string | null;
}

/** What becomes of rows that are missing from the sheet: they stay, are marked as deleted, or are deleted. */
export type DeletePolicy = "ignore" | "soft" | "hard";

export interface RunDetail extends Run {
  /** How far it is; null when it is over. */
  runningRun: RunningRun | null;
  spreadsheetUrl: string | null;
  deletePolicy: DeletePolicy | null;
  batches: Batch[];
  batchesNext: string | null;
}

/** An entry of `sync_errors`: a rejection, a conflict or a failure. */
export interface Entry {
  id: string | number;
  run: string;
  rowKey: string | null;
  rowNumber: number | null;
  column: string | null;
  header: string | null;
  cell: string | null;
  cellUrl: string | null;
  type: ErrorType;
  code: string;
  message: string;
  raw: string | null;
  nextAttemptAt: string | null;
  firstSeen: string;
  lastSeen: string;
  resolvedAt: string | null;
}

export interface Entries {
  errors: Entry[];
  next: string | null;
}

export interface Point {
  at: string;
  runs: number;
  completed: number;
  partial: number;
  failed: number;
  averageSeconds: number | null;
  p95Seconds: number | null;
  rows: number;
  rowsPerSecond: number | null;
  inserted: number;
  updated: number;
  deleted: number;
  rejected: number;
}

export interface Statistics {
  range: Range;
  bucketSeconds: number;
  from: string;
  to: string;
  points: Point[];
  errors: { at: string; byType: Partial<Record<ErrorType, number>> }[];
  errorTotals: Partial<Record<ErrorType, number>>;
}

export interface Accepted {
  run: string;
  status: string;
  location: string;
}

/** A value of a cell or a column, as JSON has it. */
export type Value = string | number | boolean | null | Value[] | { [name: string]: Value };

export interface Sample {
  rowKey: string;
  rowNumber: number | null;
  cell: string | null;
  old: Value;
  new: Value;
  outcome: "write" | "keep" | "conflict";
}

export interface PlanColumn {
  column: string;
  header: string | null;
  type: string;
  tableType: string | null;
  blank: number;
  fits: number;
  rejected: number;
  changes: number;
  conflicts: number;
  samples: Sample[];
}

export type PlanRejection = Pick<
  Entry,
  "rowKey" | "rowNumber" | "column" | "header" | "cell" | "code" | "message" | "raw"
>;

export interface Plan {
  sync: string;
  type: RunType;
  readAt: string;
  rowsRead: number;
  insert: number;
  update: number;
  unchanged: number;
  delete: number;
  reject: number;
  skip: number;
  failed: number;
  conflict: number;
  adopt: number;
  deletesWithheld: string | null;
  /** Why the run would fail. */
  fails: { code: string; message: string } | null;
  columns: PlanColumn[];
  rejections: PlanRejection[];
  warnings: { code: string; column: string | null; message: string }[];
}

export interface DryRun {
  id: string;
  sync: string;
  status: "running" | "done" | "failed";
  startedAt: string;
  finishedAt: string | null;
  error: Partial<RunError> | null;
  plan: Plan | null;
  /** Opens the tab; with `&range=C9` behind it, at that cell. */
  tabUrl: string | null;
}

export interface Redriven {
  matched: number;
  redriven: number;
  superseded: number;
  malformed: number;
  left: number;
  dryRun: boolean;
}

export interface AuditEntry {
  id: string | number;
  at: string;
  who: string;
  action: string;
  sync: string | null;
  why: string;
  details: Value;
}

export interface Audit {
  entries: AuditEntry[];
  next: string | null;
}
