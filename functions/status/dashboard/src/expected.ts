// Runs that were asked for: the scheduler begins one some moments later, and until then there is none to be found.

const BEGINS_WITHIN_MS = 30_000;
const expected = new Map<string, number>();

/** The run is about to begin. */
export function expectRun(id: string): void {
  expected.set(id, Date.now());
}

export const isExpected = (id: string): boolean => Date.now() - (expected.get(id) ?? 0) < BEGINS_WITHIN_MS;
