// The running stack that the browser is sent to: its addresses come from the environment (`. .local/env`).

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "")
    throw new Error(`${name} is not set: \`. .local/env\` of a running stack`);
  return value;
}

const control = setting("CONTROL_URL");
const operator = setting("OPERATOR_JWT");

/** The syncs that are there, by what they are for; tests/tests/dashboard.rs says what is in each. */
export type Purpose = "live" | "chosen" | "hostile" | "redriven" | "withheld" | "adopted";

const syncs = JSON.parse(setting("SYNCS")) as Record<Purpose, string>;

export type Who = "reader" | "operator";

export const stack = {
  api: setting("API_URL"),
  syncs,
  tokens: { reader: setting("READER_JWT"), operator } satisfies Record<Who, string>,
  operator: { email: setting("OPERATOR_EMAIL"), password: setting("OPERATOR_PASSWORD") },
};

/** What a fault of the gateway before Supabase does to the requests it meets (see infra/local). */
export interface Fault {
  path: string;
  body: string;
  after?: number;
  action: "holdRequest" | { answer: { status: number; body?: string } };
}

/** Switches a fault on; the function given back switches it off, and lets go what it held. */
export async function fault(it: Fault): Promise<() => Promise<void>> {
  const { id } = (await send("POST", `${control}/faults`, it)) as { id: number };
  return async () => {
    await send("DELETE", `${control}/faults/${id}`);
  };
}

/** Lets the breaker decide by itself again, whatever became of the test that changed it. */
export async function releaseBreaker(): Promise<void> {
  const order = { mode: "auto", why: "the test is over" };
  await send("POST", `${stack.api}/api/circuit`, order, { authorization: `Bearer ${operator}` });
}

async function send(method: string, url: string, body?: object, headers = {}): Promise<unknown> {
  const response = await fetch(url, {
    method,
    headers: { "content-type": "application/json", ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
}
