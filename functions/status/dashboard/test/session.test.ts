import { afterEach, expect, test, vi } from "vitest";
import { signIn, Tokens, type Session } from "../src/api/session";
import type { Config } from "../src/api/types";

afterEach(() => vi.unstubAllGlobals());

const config: Config = {
  supabaseUrl: "https://p.supabase.co/",
  publishableKey: "sb_publishable_x",
  version: "1",
};
const NOW = 1_000_000;
const user = (endsAt: number): Session => ({ kind: "user", token: "old", refreshToken: "r1", endsAt });

function supabase(status: number) {
  const calls: { url: string; body: unknown }[] = [];
  vi.stubGlobal("fetch", (url: string, init: { body: string }) => {
    calls.push({ url, body: JSON.parse(init.body) });
    return Promise.resolve(
      Response.json({ access_token: "new", refresh_token: "r2", expires_in: 3600 }, { status }),
    );
  });
  return calls;
}

function tokens(session: Session) {
  const changed = vi.fn<(session: Session) => void>();
  const ended = vi.fn<() => void>();
  return {
    tokens: new Tokens(
      session,
      () => config,
      changed,
      ended,
      () => NOW,
    ),
    changed,
    ended,
  };
}

test("signing in asks Supabase Auth for a token with the publishable key", async () => {
  const calls = supabase(200);
  await expect(signIn(config, "a@b.jp", "pw")).resolves.toMatchObject({
    kind: "user",
    token: "new",
    refreshToken: "r2",
  });
  expect(calls).toEqual([
    {
      url: "https://p.supabase.co/auth/v1/token?grant_type=password",
      body: { email: "a@b.jp", password: "pw" },
    },
  ]);
});

test.each([
  [400, "credentials"],
  [429, "too_many"],
  [503, "unreachable"],
])("an answer %d of Supabase Auth means %s", async (status, reason) => {
  supabase(status);
  await expect(signIn(config, "a@b.jp", "pw")).rejects.toMatchObject({ reason });
});

test("a token that is good for long is used as it is", async () => {
  const calls = supabase(200);
  await expect(tokens(user(NOW + 600_000)).tokens.token()).resolves.toBe("old");
  expect(calls).toEqual([]);
});

test("a token that is about to end is renewed by one request, however many ask", async () => {
  const calls = supabase(200);
  const held = tokens(user(NOW + 10_000));
  await expect(Promise.all([held.tokens.token(), held.tokens.token()])).resolves.toEqual(["new", "new"]);
  expect(calls.map(({ body }) => body)).toEqual([{ refresh_token: "r1" }]);
  expect(held.changed).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ refreshToken: "r2" }));
});

test("a session is over when its token cannot be renewed any more", async () => {
  supabase(400);
  const held = tokens(user(NOW + 600_000));
  await expect(held.tokens.refused("old")).resolves.toBeNull();
  expect(held.ended).toHaveBeenCalledOnce();
});

test("a session is not over because Supabase Auth cannot be reached", async () => {
  supabase(503);
  const held = tokens(user(NOW + 10_000));
  await expect(held.tokens.token()).resolves.toBe("old");
  await expect(held.tokens.refused("old")).rejects.toMatchObject({ kind: "offline" });
  expect(held.ended).not.toHaveBeenCalled();
});

test("a service token that is refused ends the session", async () => {
  const held = tokens({ kind: "service", token: "old" });
  await expect(held.tokens.refused("old")).resolves.toBeNull();
  expect(held.ended).toHaveBeenCalledOnce();
});
