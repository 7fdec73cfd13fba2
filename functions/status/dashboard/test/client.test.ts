import { afterEach, expect, test, vi } from "vitest";
import { connect, Failure, withQuery, type Access } from "../src/api/client";

afterEach(() => vi.unstubAllGlobals());

const holder = (token: string | null, another: string | null = null): Access => ({
  token: () => Promise.resolve(token),
  refused: () => Promise.resolve(another),
});

/** Answers requests one after the other, and remembers them. */
function server(...answers: Response[]) {
  const seen: { url: string; headers: Headers; method: string | undefined }[] = [];
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    seen.push({ url, headers: new Headers(init.headers), method: init.method });
    const answer = answers.shift();
    return answer === undefined ? Promise.reject(new TypeError("failed to fetch")) : Promise.resolve(answer);
  });
  return seen;
}

const refusal = (status: number, code: string) =>
  Response.json({ error: { code, message: "said so", details: {} } }, { status });

test("a query leaves out what is not asked for, and escapes the rest", () => {
  expect(withQuery("a", { type: "", q: "=A&B", cursor: undefined, limit: 5 })).toBe("a?q=%3DA%26B&limit=5");
  expect(withQuery("a", {})).toBe("a");
});

test("a name in a path stays one segment", async () => {
  const seen = server(Response.json({}));
  await connect(holder("t")).sync("../me?x");
  expect(seen[0]?.url).toBe("./api/syncs/..%2Fme%3Fx");
  expect(seen[0]?.headers.get("authorization")).toBe("Bearer t");
});

test.each([
  [401, "unauthenticated"],
  [403, "forbidden"],
  [404, "not_found"],
  [409, "refused"],
  [422, "refused"],
  [429, "broken"],
  [503, "broken"],
])("an answer %d is a failure of the kind %s with the server's words", async (status, kind) => {
  server(refusal(status, "why"));
  await expect(connect(holder("t")).me()).rejects.toMatchObject({ kind, code: "why", message: "said so" });
});

test("no answer at all is being offline", async () => {
  server();
  await expect(connect(holder("t")).me()).rejects.toMatchObject({ kind: "offline" });
});

test("an answer that is not JSON is reported", async () => {
  server(new Response("<html>"));
  await expect(connect(holder("t")).me()).rejects.toMatchObject({ kind: "broken", code: "not_json" });
});

test("a refused token is replaced once, and the request sent again", async () => {
  const seen = server(refusal(401, "expired"), Response.json({ name: "x" }));
  await connect(holder("old", "new")).me();
  expect(seen.map(({ headers }) => headers.get("authorization"))).toEqual(["Bearer old", "Bearer new"]);
});

test("without another token the refusal stands", async () => {
  const seen = server(refusal(401, "expired"));
  await expect(connect(holder("old")).me()).rejects.toBeInstanceOf(Failure);
  expect(seen).toHaveLength(1);
});

test("a run is started with the same key however often it is sent", async () => {
  const seen = server(refusal(503, "down"), Response.json({ run: "r" }, { status: 202 }));
  const api = connect(holder("t"));
  await expect(api.start("s", { type: "full" }, "key-1")).rejects.toBeInstanceOf(Failure);
  await api.start("s", { type: "full" }, "key-1");
  expect(seen.map(({ headers }) => headers.get("idempotency-key"))).toEqual(["key-1", "key-1"]);
});
